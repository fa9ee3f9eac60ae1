"""The single steps of a flow: look, hear, fuse and publish; whose thread makes them is the flow's to decide."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from edge.perceive.words import Utterance, Words
from edge.publish import Publisher
from edge.records import (
    AudioChunk,
    EmotionEstimate,
    EmotionEvent,
    FaceObservation,
    Frame,
    Modality,
    Observation,
    SpeechObservation,
    modality_of,
)
from edge.service.meters import Meters
from edge.service.pace import Pace
from edge.service.pipeline import Pipeline
from edge.service.progress import Progress


class Onlooker(Protocol):
    """Somebody who looks over the service's shoulder; both return at once. Nothing of a muted sense is shown."""

    def saw(self, frame: Frame, faces: list[FaceObservation]) -> None:
        """A frame was looked at."""
        ...

    def heard(self, chunk: AudioChunk, voice: float) -> None:
        """A chunk was listened to; `voice` is the voice activity in it, in [0, 1]."""
        ...


class Steps:
    """The single steps, called by whichever thread the flow has for them.

    Args:
        stop: ends everything.
        camera_ended, microphone_ended: no more will be delivered by this sensor.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        publisher: Publisher,
        meters: Meters,
        stop: threading.Event,
        camera_ended: threading.Event,
        microphone_ended: threading.Event,
        progress: Progress,
        pace: Pace,
    ) -> None:
        self.stop = stop
        self.progress = progress
        self.pace = pace
        self.camera_ended = camera_ended
        self.microphone_ended = microphone_ended
        #: The newest estimate, for whoever looks on from another thread: the fuser itself belongs to one.
        self.estimate: EmotionEstimate | None = None
        self._pipeline = pipeline
        self.publisher = publisher
        self.meters = meters
        #: What these senses gave, and still give until their devices are closed, is dropped.
        self.muted: set[Modality] = set()
        #: To be set before anything is delivered.
        self.onlookers: list[Onlooker] = []
        self._orders: queue.SimpleQueue[tuple[Callable[[], list[EmotionEvent]], Future[None]]] = queue.SimpleQueue()

    def order(self, change: Callable[[], list[EmotionEvent]]) -> Future[None]:
        """Have `change` made by the thread that fuses, and the events that it gives published; any thread."""
        done: Future[None] = Future()
        self._orders.put((change, done))
        return done

    def obey(self) -> None:
        """Make the changes that were ordered; called by the thread that fuses."""
        while not self._orders.empty():
            change, done = self._orders.get()
            self._tell(change())
            done.set_result(None)

    def look(self, frame: Frame) -> list[FaceObservation]:
        if self._pipeline.face is None or "face" in self.muted:
            return []
        faces = self._pipeline.face.observe(frame)
        if "face" not in self.muted:
            for onlooker in self.onlookers:
                onlooker.saw(frame, faces)
        return faces

    def hear(self, chunk: AudioChunk) -> tuple[SpeechObservation | None, Utterance | None]:
        if self._pipeline.speech is None or "speech" in self.muted:
            return None, None
        heard = self._pipeline.hear(chunk)
        if "speech" not in self.muted:
            for onlooker in self.onlookers:
                onlooker.heard(chunk, self._pipeline.speech.voice)
        return heard

    def listen(self, chunk: AudioChunk) -> list[Observation]:
        heard, utterance = self.hear(chunk)
        return [*([heard] if heard else []), *self._pipeline.understood(utterance)]

    def last_words(self) -> Utterance | None:
        return None if "speech" in self.muted else self._pipeline.last_words()

    def finish(self, now_ns: int) -> None:
        """A recording has ended: what was said last, then everybody leaves."""
        if "speech" not in self.muted:
            self.publish(self._pipeline.finish(), now_ns, live=False)
        self.leave()

    @property
    def words(self) -> Words | None:
        return self._pipeline.words

    def publish(self, observations: Sequence[Observation], now_ns: int, live: bool) -> None:
        """Fuse the observations, let time pass until `now_ns`, publish what follows.

        `live`: times are those of the clock on the wall, so that latency can be told.
        """
        self.obey()
        if self.muted:
            observations = [each for each in observations if modality_of(each) not in self.muted]
        events = self._pipeline.fuse(observations, now_ns)
        for event in events:
            self.publisher.publish_event(event)
        for observation in observations:
            self.publisher.publish_observation(observation)
        self._publish_state()
        seen = [o.captured_ns for o in observations if isinstance(o, FaceObservation)]
        self.meters.abstained(o.abstained for o in observations if isinstance(o, FaceObservation) and o.abstained)
        latency_ms = (time.monotonic_ns() - seen[0]) / 1e6 if seen and live else None
        self.meters.fused(observations, len(events), latency_ms)

    def leave(self) -> None:
        """The end of everything: whoever is there leaves."""
        self._tell(self._pipeline.fuser.close())

    def _tell(self, events: list[EmotionEvent]) -> None:
        for event in events:
            self.publisher.publish_event(event)
        self._publish_state()
        self.meters.fused([], len(events), None)

    def _publish_state(self) -> None:
        self.estimate = self._pipeline.fuser.estimate()
        self.publisher.publish_state(self.estimate, self._pipeline.fuser.people)
