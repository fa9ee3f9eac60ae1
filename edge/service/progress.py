"""Does every stage of the service get on? What systemd's watchdog is fed by."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

_LOG = logging.getLogger(__name__)

#: Of the watchdog's period: when a stage that stands still is told of, so that the journal says why systemd ends us.
_TELL_SHARE = 0.65
#: ... and how soon after one sign of life the next may be sent, though every stage has moved.
_PAUSE_SHARE = 0.25
#: Without a watchdog a stage that stands still is told of all the same, after so long.
_TELL_S = 20.0


class Progress:
    """One counter for each stage; a thread counts its own stage on each round of its work, also an idle one."""

    def __init__(self) -> None:
        self._rounds: dict[str, int] = {}

    def step(self, stage: str) -> None:
        """`stage` has come round once more; only its own thread says so."""
        self._rounds[stage] = self._rounds.get(stage, 0) + 1

    def end(self, stage: str) -> None:
        """`stage` has done its work, and nobody waits for it any more."""
        self._rounds.pop(stage, None)

    def rounds(self) -> dict[str, int]:
        return dict(self._rounds)


class Watchdog:
    """Says when all stages have moved since it last said so, and tells the log of those that have not.

    There is no timer here that could go on while the work stands still: one stage that hangs is enough for silence.

    Args:
        rounds: each enabled stage and a number that changes as it gets on.
        period_s: what systemd waits for a sign of life; 0: it does not watch.
    """

    def __init__(
        self, rounds: Callable[[], Mapping[str, int]], period_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._rounds = rounds
        self._tell_s = period_s * _TELL_SHARE or _TELL_S
        self._pause_s = period_s * _PAUSE_SHARE
        self._now_s = now_s
        self._fed_s = now_s()
        self._moved_s: dict[str, float] = {}
        self._seen: dict[str, int] = {}
        self._fed: dict[str, int] = {}
        self._told: set[str] = set()

    @property
    def standing(self) -> list[str]:
        """The stages that have been told of as standing still."""
        return sorted(self._told)

    def look(self) -> bool:
        """True if every stage has got on since the last True: time for a sign of life. Call it some times a second."""
        now_s, rounds = self._now_s(), self._rounds()
        for stage, round_ in rounds.items():
            if self._seen.get(stage) != round_:
                self._seen[stage], self._moved_s[stage] = round_, now_s
                if stage in self._told:
                    self._told.discard(stage)
                    _LOG.warning("watchdog: %s gets on again", stage)
            elif now_s - self._moved_s[stage] > self._tell_s and stage not in self._told:
                self._told.add(stage)
                _LOG.error("watchdog: %s stands still for %.0f s", stage, now_s - self._moved_s[stage])
        for stage in self._seen.keys() - rounds.keys():  # it has ended
            for remembered in (self._seen, self._moved_s, self._fed):
                remembered.pop(stage, None)
            self._told.discard(stage)
        if now_s - self._fed_s < self._pause_s or any(self._fed.get(name) == count for name, count in rounds.items()):
            return False
        self._fed_s, self._fed = now_s, dict(rounds)
        return True
