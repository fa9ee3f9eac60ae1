"""Events that do not arrive: which refusals of the broker are final, and the gap records that tell consumers."""

from __future__ import annotations

from collections.abc import Callable

from edge.publish.payloads import Body
from edge.publish.store import GapOf, StoredEvent

#: Refusals that pass: unspecified, implementation specific, quota exceeded (MQTT 5.0, 3.4.2.1). Tried so often in all,
#: with a pause; every other one is final.
_PASSING, _TRIES, PAUSE_S = (0x80, 0x83, 0x97), 3, 2.0
ACCEPTED_BELOW = 0x80

#: first, last, how many (None: not known), why -> the payload of a gap record
GapBody = Callable[[int, int, "int | None", str], Body]


def gap_with(gap_body: GapBody, utc_ms: Callable[[], int]) -> GapOf:
    """What makes a gap record of now (`utc_ms`: milliseconds since 1970), with the payload of `gap_body`."""

    def gap(first: int, last: int, count: int, reason: str) -> StoredEvent:
        now_ms = utc_ms()
        body = gap_body(first, last, count if count > 0 else None, reason)
        return StoredEvent(last, now_ms, now_ms, body, lost=count)

    return gap


class Losses:
    """What the broker refused for good, or a hanging disk cost, until a record can tell of it. Not locked: the caller
    does."""

    def __init__(self, gap_of: GapOf) -> None:
        self._gap_of = gap_of
        self._tries: dict[int, int] = {}
        self._lost: tuple[int, int, int] | None = None

    def again(self, number: int, reason_code: int) -> bool:
        """The broker answered for event `number`; True if that is a refusal that may pass, and the event is to be sent
        once more when `PAUSE_S` are over."""
        tries = self._tries.pop(number, 0) + 1
        if reason_code in _PASSING and tries < _TRIES:
            self._tries[number] = tries
            return True
        return False

    def add(self, number: int) -> None:
        """Event `number` is lost."""
        first, last, count = self._lost or (number, number, 0)
        self._lost = (min(first, number), max(last, number), count + 1)

    def take_record(self) -> StoredEvent | None:
        """The record of all that was lost since the last one, None if nothing was."""
        if self._lost is None:
            return None
        first, last, count = self._lost
        self._lost = None
        return self._gap_of(first, last, count, "refused")
