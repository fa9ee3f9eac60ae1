"""One recording through the service's own perception and fusion, in the recording's own time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.capture.frames import FrameMaker
from edge.capture.sound_file import SoundFile
from edge.capture.source import SAMPLE_RATE_HZ
from edge.capture.video_file import VideoFile
from edge.config import CameraConfig
from edge.errors import CaptureError
from edge.records import AudioChunk, EmotionEstimate, EmotionEvent, Frame, Observation
from edge.service.pipeline import Pipeline

#: The fused estimate is asked at most so often, and whenever something happens.
_ESTIMATE_NS = 100_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one frame or one chunk of sound brought. `frame` is None for sound and at the end.

    `estimate` is that of the primary subject; None where nobody is there or it was asked a moment ago.
    """

    time_ns: int
    frame: Frame | None
    observations: list[Observation]
    events: list[EmotionEvent]
    estimate: EmotionEstimate | None
    people: int


def media(path: Path, picture: bool, sound: bool, failed: Callable[[str], None]) -> Iterator[Frame | AudioChunk]:
    """The frames and chunks of a file, as they end in time: what the service would have at each moment.

    A stream that cannot be read on ends, the other goes on; `failed` is told why.
    """
    streams: list[Iterable[Frame | AudioChunk]] = []
    if sound:
        streams.append(_until_failure(_chunks(path), failed))
    if picture:
        streams.append(_until_failure(_frames(path), failed))
    return heapq.merge(*streams, key=_time_ns)  # sound first where both end at once


def steps(pipeline: Pipeline, items: Iterable[Frame | AudioChunk]) -> Iterator[Step]:
    """Each item perceived and fused; the last step is the end, when everybody leaves."""
    told_ns = None
    now_ns = 0
    for item in items:
        observations: list[Observation] = []
        if isinstance(item, AudioChunk):
            observations = pipeline.listen(item)
        elif pipeline.face:
            observations = [*pipeline.face.observe(item)]
        now_ns = _time_ns(item)
        events = pipeline.fuse(observations, now_ns)
        estimate = None
        if events or told_ns is None or now_ns - told_ns >= _ESTIMATE_NS:
            estimate, told_ns = pipeline.fuser.estimate(), now_ns
        frame = item if isinstance(item, Frame) else None
        yield Step(now_ns, frame, observations, events, estimate, pipeline.fuser.people)
    last = pipeline.finish()
    yield Step(now_ns, None, last, [*pipeline.fuse(last, now_ns), *pipeline.fuser.close()], None, 0)


def _time_ns(item: Frame | AudioChunk) -> int:
    return item.captured_ns if isinstance(item, Frame) else item.end_ns


def _frames(path: Path) -> Iterator[Frame]:
    make = FrameMaker(CameraConfig())
    video = VideoFile(path)
    try:
        for piece in video.pieces():
            yield make.frame(piece.payload, piece.start_ns)
    finally:
        video.close()


def _chunks(path: Path) -> Iterator[AudioChunk]:
    sound = SoundFile(path)
    try:
        for piece in sound.pieces():
            yield AudioChunk(piece.payload, SAMPLE_RATE_HZ, piece.start_ns)
    finally:
        sound.close()


def _until_failure(items: Iterable[Frame | AudioChunk], failed: Callable[[str], None]) -> Iterator[Frame | AudioChunk]:
    try:
        yield from items
    except CaptureError as error:
        failed(str(error))
