"""Between the network and whoever carries commands out: bounded both ways, so that no hub can fill the memory."""

from __future__ import annotations

import logging
import queue
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from edge.publish.bucket import Bucket
from edge.publish.commands import Received, Refused
from edge.publish.strict_json import MOST_BYTES

_LOG = logging.getLogger(__name__)

#: Commands that may wait, and answers that may wait for the network.
_MOST_WAITING = 32
_MOST_ANSWERS = 32
#: Commands taken: so many at once, and so many a second in the long run. A person or an automation needs fewer.
BURST = 20
PER_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A payload for the topic `name` below the device's own."""

    name: str
    payload: bytes


class Mailbox:
    """`receive` and `next_answer` belong to the network's thread, `take` and `answer` to the one that obeys."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[Received] = queue.Queue(_MOST_WAITING)
        self._answers: deque[Answer] = deque(maxlen=_MOST_ANSWERS)
        self._pace = Bucket(BURST, PER_S, time.monotonic())
        self._told_ns = 0
        #: Commands that came too fast and were let go without an answer.
        self.ignored = 0

    def receive(self, name: str, payload: bytes, *, retained: bool, expiry_s: float | None = None) -> None:
        """Take a command from the network; returns at once and never raises."""
        now_ns = time.monotonic_ns()
        hasty = not self._pace.take(now_ns / 1e9)
        if hasty and now_ns - self._told_ns < 1_000_000_000:
            self.ignored += 1
            return
        if hasty:
            self._told_ns = now_ns
            _LOG.warning("commands come faster than %g a second: refused (%d unanswered)", PER_S, self.ignored)
        kept = None if len(payload) > MOST_BYTES else payload
        try:
            self._waiting.put_nowait(Received(name[:64], kept, len(payload), retained, now_ns, expiry_s, hasty))
        except queue.Full:
            self.ignored += 1

    def ask(self, name: str, payload: bytes) -> Future[Mapping[str, Any]]:
        """Take a command from beside the network, whose sender waits; the answer is the body of a response.

        Raises:
            Refused: too many wait already.
        """
        reply: Future[Mapping[str, Any]] = Future()
        kept = None if len(payload) > MOST_BYTES else payload
        try:
            self._waiting.put_nowait(
                Received(name[:64], kept, len(payload), retained=False, received_ns=time.monotonic_ns(), reply=reply)
            )
        except queue.Full:
            raise Refused("busy", "too many commands wait already: send it again later") from None
        return reply

    def take(self, timeout_s: float) -> Received | None:
        """The next command, None if none comes within `timeout_s`."""
        try:
            return self._waiting.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def answer(self, answer: Answer) -> None:
        """Leave an answer for the network; when nobody fetches them, the oldest give way."""
        self._answers.append(answer)

    def next_answer(self) -> Answer | None:
        return self._answers.popleft() if self._answers else None
