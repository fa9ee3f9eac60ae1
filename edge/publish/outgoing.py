"""What is still to be sent: put in by any thread, taken out by the one that holds the connection."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge.publish import payloads
from edge.publish.latest import Latest
from edge.publish.outbox import Outbox
from edge.publish.payloads import Body
from edge.publish.store import BodyOf

#: Observations that may wait for the network; newest wins.
_MOST_OBSERVATIONS = 64


@dataclass(frozen=True, slots=True)
class Message:
    """A payload for the topic `name` below the device's own."""

    name: str
    payload: bytes
    qos: int
    retain: bool = False


class Outgoing:
    """Info, state and health (the newest each), events (all, in order), observations (if the network takes them)."""

    def __init__(self, outbox: Outbox, state_hz: float, utc_ms: Callable[[], int]) -> None:
        self._lock = threading.Lock()
        self._latest = {"info": Latest(), "state": Latest(1 / state_hz), "health": Latest()}
        self._outbox = outbox
        self._utc_ms = utc_ms
        self._observations: deque[Message] = deque(maxlen=_MOST_OBSERVATIONS)

    def add_event(self, body_of: BodyOf, *, observed_ms: int) -> None:
        """Append the event that `body_of` makes for the next sequence number."""
        self._outbox.add(body_of, observed_ms=observed_ms)

    def put(self, name: str, body: Body) -> None:
        """Replace the newest value of info, state or health."""
        payloads.encode(body)  # what JSON cannot carry is the caller's mistake: it is raised here, not in the sender
        with self._lock:
            self._latest[name].put(body)

    def adopt_state_hz(self, state_hz: float) -> None:
        """Hold state back by this rate from now on."""
        with self._lock:
            self._latest["state"].interval_s = 1 / state_hz

    def add_observation(self, name: str, body: Body) -> None:
        message = Message(name, payloads.encode(body), qos=0)
        with self._lock:
            self._observations.append(message)

    def begin(self) -> None:
        """There is a new connection, and it knows nothing of what was said before."""
        with self._lock:
            for latest in self._latest.values():
                latest.repeat()
        self._outbox.begin()

    def end(self) -> None:
        """The connection is gone, and with it what it did not acknowledge and what only counts now."""
        self._outbox.end()
        with self._lock:
            self._observations.clear()

    def send_one(self, send: Callable[[Message], int], now_ns: int, *, hurry: bool) -> bool:
        """Give `send` the next message that is due, keep the id that it returns; False if none is.

        `hurry`: do not hold back for `state_hz`.
        """
        with self._lock:
            for name, latest in self._latest.items():
                if body := latest.take(now_ns, hurry=hurry):
                    send(Message(name, payloads.encode(body), qos=0 if name == "health" else 1, retain=True))
                    return True
            if event := self._outbox.take(now_ns / 1e9):
                body = event.body_at(self._utc_ms())
                self._outbox.sent(send(Message("event", payloads.encode(body), qos=1)))
                return True
            if self._observations:
                send(self._observations.popleft())
                return True
        return False

    def wait_s(self, now_ns: int) -> float | None:
        """Seconds until something that is held back is due, None if there is nothing."""
        with self._lock:
            waits = [latest.wait_s(now_ns) for latest in self._latest.values()]
        waits.append(self._outbox.wait_s(now_ns / 1e9))
        return min((wait for wait in waits if wait is not None), default=None)

    def answered(self, message_id: int, reason_code: int) -> None:
        """The broker acknowledged or refused a message."""
        self._outbox.answered(message_id, reason_code)
