"""Words are recognised in a thread of their own, for that may take longer than it takes to say them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from edge.perceive.recognition import Transcript
from edge.perceive.words import Utterance, Words
from edge.records import TextObservation

_TICK_S = 0.2
#: Utterances that may wait: what was said longer ago says nothing of now.
_MOST_WAITING = 3


class Understanding:
    """`put` by any thread, `understand` is the work of one.

    Args:
        deliver: is given each observation.
        unwanted: whether what was said is not to be judged now, for the microphone is muted.
        unwatched: called once, at the start: a slow machine may need longer for a sentence than a watchdog waits, and
            without words the service still does its work.
        ended: whether nothing more will be put; the work then ends with what waits.
    """

    def __init__(
        self,
        words: Words,
        deliver: Callable[[TextObservation], None],
        unwanted: Callable[[], bool],
        stop: threading.Event,
        ended: Callable[[], bool],
        unwatched: Callable[[], None],
    ) -> None:
        self._words = words
        self._deliver = deliver
        self._unwanted = unwanted
        self._stop = stop
        self._ended = ended
        self._unwatched = unwatched
        #: The work is done.
        self.finished = threading.Event()
        self._waiting: queue.Queue[Utterance | tuple[Transcript, int]] = queue.Queue(_MOST_WAITING)
        #: Let go because recognition was too slow.
        self.dropped = 0

    def put(self, said: Utterance | tuple[Transcript, int]) -> None:
        """Take an utterance, or a transcript and when it was said; returns at once."""
        try:
            self._waiting.put_nowait(said)
        except queue.Full:
            self.dropped += 1

    def understand(self) -> None:
        """The thread's work, until `stop` or the end."""
        self._unwatched()
        while not self._stop.is_set():
            last = self._ended()  # asked first: what was put before the end is still taken
            try:
                said = self._waiting.get(timeout=0 if last else _TICK_S)
            except queue.Empty:
                if last:
                    break
                continue
            if self._unwanted():
                continue
            found = self._words.understand(said) if isinstance(said, Utterance) else self._words.read(*said)
            if found and not self._unwanted():
                self._deliver(found)
        self.finished.set()
