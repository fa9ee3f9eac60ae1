"""Which event is next on the wire: live ones first, in order; what an outage left behind them at a bounded rate."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence, Set

from edge.publish.store import StoredEvent

#: Live events in memory. A network that is this far behind gets the rest from the store, as it does after an outage.
_MOST_LIVE = 1000
#: The backlog in memory: read from the store in pieces, the next one when so few are left.
PIECE, _FEW = 500, 200
#: A backlog that drains in this time goes first, so that a short outage changes nothing in the order.
IN_ORDER_S = 0.1
#: The rate limit looks at spans of this length: a hundred wake-ups a second, not one for each event.
_SPAN_S = 0.01


class Lanes:
    """The events that a connection can send now, and those on their way to the broker. Not locked: the caller does.

    All of them are in the store as well: what is lost here with a connection is read again for the next.
    """

    def __init__(self, drain_hz: float) -> None:
        self._gap_s = 1 / drain_hz
        self._live: deque[StoredEvent] = deque()
        self._backlog: deque[StoredEvent] = deque()
        self._in_hand: StoredEvent | None = None
        self._sent: dict[int, StoredEvent] = {}
        self._due_s = 0.0
        self.in_order = max(1, int(drain_hz * IN_ORDER_S))
        #: The store may hold more than is here, behind this sequence number.
        self.more = False
        self.read_after = 0

    @property
    def hungry(self) -> bool:
        return self.more and len(self._backlog) < _FEW

    def clear(self) -> None:
        """Nothing is known here any more: neither what waits nor what was sent."""
        self.rewind()
        self._in_hand = None
        self._sent.clear()

    def rewind(self) -> None:
        """Read everything again from the store, but for what is on its way."""
        self._live.clear()
        self._backlog.clear()
        self.more, self.read_after = True, 0

    def begin(self, live: Sequence[StoredEvent], settled: Set[int], *, more: bool) -> None:
        """A connection, or another store, begins with these; `more`: the store holds older ones."""
        self.rewind()
        under_way = self._under_way()
        self._live.extend(e for e in live if e.sequence not in settled and e.sequence not in under_way)
        self.more = more

    def add(self, event: StoredEvent) -> None:
        """Just stored: live, if there is room."""
        if len(self._live) < _MOST_LIVE and not event.lost:
            self._live.append(event)
        else:
            self.more = True
            self.read_after = min(self.read_after, event.sequence - 1)

    def refill(self, piece: Sequence[StoredEvent], settled: Set[int]) -> None:
        """The next piece of the backlog, as the store gave it behind `read_after`."""
        here = {event.sequence for lane in (self._live, self._backlog) for event in lane} | self._under_way()
        self._backlog.extend(e for e in piece if e.sequence not in here and e.sequence not in settled)
        self.more = len(piece) == PIECE
        if piece:
            self.read_after = piece[-1].sequence

    def _under_way(self) -> set[int]:
        here = {event.sequence for event in self._sent.values()}
        return here | {self._in_hand.sequence} if self._in_hand else here

    def forget(self, forced: Set[int]) -> None:
        """These were forced out of the store."""
        self._live = deque(event for event in self._live if event.sequence not in forced)
        self._backlog = deque(event for event in self._backlog if event.sequence not in forced)
        if self._in_hand and self._in_hand.sequence in forced:
            self._in_hand = None
        self._sent = {number: event for number, event in self._sent.items() if event.sequence not in forced}

    def take(self, now_s: float) -> StoredEvent | None:
        """The next event that may be sent at `now_s` (monotonic): the caller sends it and tells `sent`."""
        self._in_hand = None
        if self._live:
            self._in_hand = self._live.popleft()
        elif self._backlog and now_s >= self._due_s - _SPAN_S:
            self._due_s = max(self._due_s, now_s - _SPAN_S) + self._gap_s
            self._in_hand = self._backlog.popleft()
        return self._in_hand

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until `take` gives something; None if nothing is here."""
        if self._live:
            return 0.0
        return max(0.0, self._due_s - now_s) if self._backlog else None

    def sent(self, message_id: int) -> None:
        """What `take` gave was handed to the network; if it was forced out meanwhile, its answer is none of ours."""
        if self._in_hand:
            self._sent[message_id] = self._in_hand
            self._in_hand = None

    def settle(self, message_id: int) -> StoredEvent | None:
        """The broker answered for this message; None if it was none of ours."""
        return self._sent.pop(message_id, None)

    def again(self, event: StoredEvent, not_before_s: float) -> None:
        """Send `event` once more, not before `not_before_s`, and before the rest of the backlog."""
        self._backlog.appendleft(event)
        self._due_s = max(self._due_s, not_before_s)
