"""One device's events, counted: which are new, which came twice, which are missing. Pure, no clock of its own."""

from __future__ import annotations

import bisect
from collections import OrderedDict
from typing import Literal, NamedTuple

#: Ids that are remembered to tell a second delivery; older ones are told by their sequence and age.
_MOST_IDS = 10_000
#: Separate gaps that are kept open; beyond that the oldest are judged, so that no stream of nonsense grows memory.
_MOST_GAPS = 1_000

Verdict = Literal["new", "late", "earlier", "duplicate", "restart"]


class Gap(NamedTuple):
    """Sequence numbers `first` to `last`, inclusive, that did not come."""

    first: int
    last: int

    @property
    def events(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


class Ledger:
    """Judges sequence numbers in whatever order they come.

    After an outage a device sends its backlog next to live events, so a number that is skipped is not lost yet: it is
    a gap when for `patience_s` nothing missing has come. Judged is what is above the first live event that was heard,
    or all from 1 where that was heard: what was sent before somebody listened cannot be missed.
    """

    def __init__(self, patience_s: float = 10.0) -> None:
        self._patience_s = patience_s
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._newest_id = ""
        self._base: int | None = None
        self._highest = 0
        self._missing: list[Gap] = []
        self._conceded: list[tuple[Gap, int]] = []
        self._told: set[Gap] = set()
        self._quiet_since_s = 0.0
        self._lost = 0
        self.events = self.duplicates = self.restarts = 0

    @property
    def conceded(self) -> int:
        """Events that the device itself tells to be lost, as far as it knows."""
        return sum(many for _, many in self._conceded)

    @property
    def missing(self) -> int:
        """Events that have not come, judged or not."""
        return self._lost + sum(gap.events for gap in self._missing)

    def take(self, sequence: int, event_id: str, *, live: bool, now_s: float) -> Verdict:
        """Count an event. `live`: not marked late. The verdict `restart`: the device counts from 1 again."""
        if event_id in self._ids:
            self._ids.move_to_end(event_id)
            self.duplicates += 1
            return "duplicate"
        newer = event_id > self._newest_id  # UUID version 7 sorts by time
        known = sequence <= self._highest and self._hole(sequence) is None
        verdict: Verdict = "new"
        if known and self.events and (sequence == 1 or newer):
            self._begin_again()
            verdict = "restart"
        elif known:
            below = self._base is None or sequence < self._base
            if not below and not any(told.first <= sequence <= told.last for told, _ in self._conceded):
                self.duplicates += 1
                return "duplicate"
            verdict = "earlier"
        self.events += 1
        self._newest_id = max(self._newest_id, event_id)
        self._remember(event_id)
        return self._place(sequence, verdict, live, now_s)

    def concede(self, gap: Gap, event_id: str, *, count: int | None, now_s: float) -> bool:
        """The device tells that `count` (None: it does not know how many) of the events in `gap` are lost; those that
        are not may still come. False if it told that before."""
        if event_id in self._ids:
            self.duplicates += 1
            return False
        self._remember(event_id)
        if self._base is not None and gap.first > self._highest + 1:
            self._missing.append(Gap(self._highest + 1, gap.first - 1))
            self._quiet_since_s = now_s
        self._missing = [
            part
            for hole in self._missing
            for part in (Gap(hole.first, min(hole.last, gap.first - 1)), Gap(max(hole.first, gap.last + 1), hole.last))
            if part.events > 0
        ]
        # A later record may take up an earlier one.
        self._conceded = [(told, many) for told, many in self._conceded if not gap.first <= told.first <= gap.last]
        self._conceded.append((gap, count or 1))
        if len(self._conceded) > _MOST_GAPS:
            self._lost += self._conceded.pop(0)[1]
        self._highest = max(self._highest, gap.last)
        return True

    def overdue(self, now_s: float) -> list[Gap]:
        """Gaps to tell now: nothing missing has come for so long that they count as lost. Each is told once."""
        if not self._missing or now_s - self._quiet_since_s < self._patience_s:
            return []
        return self.untold()

    def untold(self) -> list[Gap]:
        """All gaps that have not been told."""
        gaps = [gap for gap in self._missing if gap not in self._told]
        self._told.update(gaps)
        return gaps

    def listen_anew(self) -> None:
        """The listener was away, so what is missing now may be its own fault: judge from the next live event on."""
        self._base = None
        self._missing.clear()
        self._told.clear()

    def _remember(self, event_id: str) -> None:
        self._ids[event_id] = None
        if len(self._ids) > _MOST_IDS:
            self._ids.popitem(last=False)

    def _begin_again(self) -> None:
        self.restarts += 1
        self._lost += sum(gap.events for gap in self._missing)
        self._missing.clear()
        self._told.clear()
        self._newest_id = ""
        self._base, self._highest = 1, 0

    def _place(self, sequence: int, verdict: Verdict, live: bool, now_s: float) -> Verdict:
        hole = self._hole(sequence)
        if hole is not None:
            gap = self._missing.pop(hole)
            self._told.discard(gap)
            parts = [Gap(gap.first, sequence - 1), Gap(sequence + 1, gap.last)]
            self._missing[hole:hole] = [part for part in parts if part.events > 0]
            self._quiet_since_s = now_s
            return "late"
        if self._base is None and (live or sequence == 1):
            self._base = sequence
        elif self._base is not None and sequence > self._highest + 1:
            if not self._missing:
                self._quiet_since_s = now_s
            self._missing.append(Gap(self._highest + 1, sequence - 1))
            if len(self._missing) > _MOST_GAPS:
                self._lost += self._missing.pop(0).events
        self._highest = max(self._highest, sequence)
        return verdict

    def _hole(self, sequence: int) -> int | None:
        index = bisect.bisect_right(self._missing, sequence, key=lambda gap: gap.first) - 1
        return index if index >= 0 and sequence <= self._missing[index].last else None
