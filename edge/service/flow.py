"""How frames and chunks flow through perception and fusion to the publisher: live, or a recording at full speed."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from edge.perceive.recognition import Transcript
from edge.perceive.words import Words
from edge.records import (
    AudioChunk,
    Frame,
    Modality,
    Observation,
    TextObservation,
)
from edge.service.newest import Newest
from edge.service.steps import Steps
from edge.service.understanding import Understanding

_LOG = logging.getLogger(__name__)

_TICK_S = 0.2
# Sound waits here while the classifier works: five seconds of 32 ms chunks.
_SOUND_CHUNKS = 156
# Between perception and fusion, which is far quicker: room for a hiccup of the publisher.
_STEPS = 64
# How far a recording is read ahead when it is replayed at full speed.
_AHEAD = 8

T = TypeVar("T")


class Flow(Protocol):
    """Where the sensors' threads deliver, and the work that other threads do."""

    def deliver_frame(self, frame: Frame) -> int:
        """Take a frame; how many frames were dropped for it."""
        ...

    def deliver_chunk(self, chunk: AudioChunk) -> int:
        """Take a chunk; how many chunks were dropped for it."""
        ...

    def deliver_words(self, transcript: Transcript) -> None:
        """Take what the hub has recognised."""
        ...

    @property
    def words_dropped(self) -> int:
        """Utterances that were let go, for recognition was too slow."""
        ...

    def work(self) -> list[Callable[[], None]]:
        """What to run, each in a thread of its own; they return when both senses have ended, or on stop."""
        ...


class LiveFlow:
    """Seeing, hearing and fusing each in a thread of its own. The newest frame wins; sound is kept in order."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._frames: Newest[Frame] = Newest()
        self._chunks: queue.Queue[AudioChunk] = queue.Queue(_SOUND_CHUNKS)
        self._observed: queue.Queue[tuple[Sequence[Observation], int]] = queue.Queue(_STEPS)
        self._seen_all = threading.Event()
        self._heard_all = threading.Event()
        self.understanding = self._understanding(steps.words) if steps.words else None

    def deliver_frame(self, frame: Frame) -> int:
        return self._frames.put(frame) if self._steps.pace.wants(frame.captured_ns) else 0

    def deliver_chunk(self, chunk: AudioChunk) -> int:
        dropped = 0
        while True:
            try:
                self._chunks.put_nowait(chunk)
                return dropped
            except queue.Full:
                # New sound is worth more than old; the speech window sees the jump in time and begins again.
                dropped += _emptied(self._chunks)
                _LOG.warning("microphone: hearing is too slow on this machine: %d chunks of sound dropped", dropped)

    def deliver_words(self, transcript: Transcript) -> None:
        if self.understanding:
            self.understanding.put((transcript, time.monotonic_ns()))

    @property
    def words_dropped(self) -> int:
        return self.understanding.dropped if self.understanding else 0

    def work(self) -> list[Callable[[], None]]:
        return [self.see, self.hear, self.fuse, *([self.understanding.understand] if self.understanding else [])]

    def _understanding(self, words: Words) -> Understanding:
        steps = self._steps

        def deliver(observation: TextObservation) -> None:
            _put(self._observed, ([observation], time.monotonic_ns()), steps.stop)

        return Understanding(
            words,
            deliver,
            unwanted=lambda: "text" in steps.muted,
            stop=steps.stop,
            ended=lambda: self._heard_all.is_set() and (words.hears or self._seen_all.is_set()),
            unwatched=lambda: steps.progress.end("understand"),
        )

    def see(self) -> None:
        while not self._steps.stop.is_set():
            ended = self._steps.camera_ended.is_set()
            self._steps.progress.step("see")
            frame = self._frames.get(_TICK_S)
            if frame is not None:
                begin_ns = time.monotonic_ns()
                seen = self._steps.look(frame)
                self._steps.pace.looked((time.monotonic_ns() - begin_ns) / 1e9)
                _put(self._observed, (seen, frame.captured_ns), self._steps.stop)
            elif ended:
                break
        self._seen_all.set()

    def hear(self) -> None:
        while (chunk := self._next_chunk()) is not None:
            observation, utterance = self._steps.hear(chunk)
            if utterance and self.understanding:
                self.understanding.put(utterance)
            if observation:
                _put(self._observed, ([observation], chunk.end_ns), self._steps.stop)
        if self.understanding and (utterance := self._steps.last_words()):
            self.understanding.put(utterance)
        self._heard_all.set()

    def _next_chunk(self) -> AudioChunk | None:
        steps = self._steps
        return _get(self._chunks, steps.microphone_ended, steps.stop, step=lambda: steps.progress.step("hear"))

    def fuse(self) -> None:
        while not self._steps.stop.is_set():
            self._steps.progress.step("fuse")
            heard = self.understanding.finished if self.understanding else self._heard_all
            ended = self._seen_all.is_set() and heard.is_set()
            try:
                observations, time_ns = self._observed.get(timeout=_TICK_S)
            except queue.Empty:
                if ended:
                    break
                observations, time_ns = [], time.monotonic_ns()
            self._steps.publish(observations, time_ns, live=True)
        self._steps.leave()


class FastFlow:
    """Recordings as fast as one thread goes: everything in the order of its time stamps, nothing dropped."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._frames: queue.Queue[Frame] = queue.Queue(_AHEAD)
        self._chunks: queue.Queue[AudioChunk] = queue.Queue(_AHEAD)

    def deliver_frame(self, frame: Frame) -> int:
        return _put(self._frames, frame, self._steps.stop)

    def deliver_chunk(self, chunk: AudioChunk) -> int:
        return _put(self._chunks, chunk, self._steps.stop)

    def deliver_words(self, transcript: Transcript) -> None:
        """A recording has its own time; what is said elsewhere now has no place in it."""

    @property
    def words_dropped(self) -> int:
        return 0  # a recording waits for its words

    def work(self) -> list[Callable[[], None]]:
        return [self.replay]

    def replay(self) -> None:
        steps = self._steps
        frame: Frame | None = None
        chunk: AudioChunk | None = None
        now_ns = 0
        while not steps.stop.is_set():
            steps.progress.step("replay")
            steps.obey()
            frame = frame or self._next(self._frames, "face")
            chunk = chunk or self._next(self._chunks, "speech")
            if frame is not None and (chunk is None or frame.captured_ns < chunk.end_ns):
                now_ns = frame.captured_ns
                steps.publish(steps.look(frame), now_ns, live=False)
                frame = None
            elif chunk is not None:
                now_ns = chunk.end_ns
                steps.publish(steps.listen(chunk), now_ns, live=False)
                chunk = None
            elif not steps.muted - {"text"}:
                break
            else:
                steps.stop.wait(_TICK_S)
        steps.finish(now_ns)

    def _next(self, source: queue.Queue[T], sense: Modality) -> T | None:
        ended = self._steps.camera_ended if sense == "face" else self._steps.microphone_ended
        steps = self._steps
        return _get(source, ended, steps.stop, lambda: sense in steps.muted, lambda: steps.progress.step("replay"))


def _put(target: queue.Queue[T], item: T, stop: threading.Event) -> int:
    """Wait for room; 0, or 1 if `stop` came first and the item was dropped."""
    while not stop.is_set():
        try:
            target.put(item, timeout=_TICK_S)
            return 0
        except queue.Full:
            continue
    return 1


def _get(
    source: queue.Queue[T],
    ended: threading.Event,
    stop: threading.Event,
    muted: Callable[[], bool] = lambda: False,
    step: Callable[[], None] = lambda: None,
) -> T | None:
    """Wait for an item; None when the source is empty and has ended or is muted, or on `stop`. Waiting is progress."""
    while not stop.is_set():
        step()
        last = ended.is_set() or muted()  # asked first: what was delivered before the end is still taken
        try:
            return source.get(timeout=0 if last else _TICK_S)
        except queue.Empty:
            if last:
                return None
    return None


def _emptied(source: queue.Queue[T]) -> int:
    """Throw away what waits; how many."""
    count = 0
    while True:
        try:
            source.get_nowait()
        except queue.Empty:
            return count
        count += 1
