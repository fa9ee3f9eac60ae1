"""One recording through the service's own perception and fusion, in the recording's own time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.analyze.alongside import ahead
from edge.capture.frames import FrameMaker
from edge.capture.sound_file import SoundFile
from edge.capture.source import SAMPLE_RATE_HZ
from edge.capture.video_file import VideoFile
from edge.config import CameraConfig
from edge.errors import CaptureError
from edge.perceive.detector import Detection
from edge.records import AudioChunk, EmotionEstimate, EmotionEvent, Frame, Observation
from edge.service.pipeline import Pipeline

#: The fused estimate is asked at most so often, and whenever something happens.
_ESTIMATE_NS = 100_000_000

#: Finds the faces of a frame whose turn it is; None for the others. Asked once for each frame, in their order.
Search = Callable[[Frame], list[Detection] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of a recording: `frame` is None for one that nobody looks at; `decoded` is what FFmpeg made of it;
    `detections` are the faces in it, None where nobody has looked for them: not yet, or because it is not its turn."""

    time_ns: int
    frame: Frame | None
    decoded: Any = None
    detections: list[Detection] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one picture or one chunk of sound brought. `frame` is None for sound, at the end, and for a picture that
    nobody looked at; `decoded` is the picture as FFmpeg made it.

    `estimate` is that of the primary subject; None where nobody is there or it was asked a moment ago.
    """

    time_ns: int
    frame: Frame | None
    observations: list[Observation]
    events: list[EmotionEvent]
    estimate: EmotionEstimate | None
    people: int
    decoded: Any = None


def media(
    path: Path,
    picture: bool,
    sound: bool,
    failed: Callable[[str], None],
    fps: float,
    every: bool = False,
    search: Search | None = None,
) -> Iterator[Picture | AudioChunk]:
    """The pictures and chunks of a file, as they end in time: what the service would have at each moment.

    A stream that cannot be read on ends, the other goes on; `failed` is told why.

    Args:
        fps: so many pictures a second are looked at, as of a camera; all, where the file has no more.
        every: give also those that nobody looks at.
        search: finds the faces; then pictures are read, and their faces found, ahead of time in a thread.
    """
    streams: list[Iterable[Picture | AudioChunk]] = []
    if sound:
        streams.append(_until_failure(_chunks(path), failed))
    if picture:
        pictures = _pictures(path, fps, every, search)
        streams.append(_until_failure(ahead(pictures) if search else pictures, failed))
    return heapq.merge(*streams, key=_time_ns)  # sound first where both end at once


def steps(pipeline: Pipeline, items: Iterable[Picture | AudioChunk]) -> Iterator[Step]:
    """Each item perceived and fused; the last step is the end, when everybody leaves."""
    told_ns = None
    now_ns = 0
    for item in items:
        now_ns = _time_ns(item)
        observations: list[Observation] = []
        frame = decoded = None
        if isinstance(item, AudioChunk):
            observations = pipeline.listen(item)
        else:
            frame, decoded = item.frame, item.decoded
            if frame is None:
                yield Step(now_ns, None, [], [], None, pipeline.fuser.people, decoded)
                continue
            if pipeline.face:
                observations = [*pipeline.face.observe(frame, item.detections)]
        events = pipeline.fuse(observations, now_ns)
        estimate = None
        if events or told_ns is None or now_ns - told_ns >= _ESTIMATE_NS:
            estimate, told_ns = pipeline.fuser.estimate(), now_ns
        yield Step(now_ns, frame, observations, events, estimate, pipeline.fuser.people, decoded)
    last = pipeline.finish()
    yield Step(now_ns, None, last, [*pipeline.fuse(last, now_ns), *pipeline.fuser.close()], None, 0)


def _time_ns(item: Picture | AudioChunk) -> int:
    return item.time_ns if isinstance(item, Picture) else item.end_ns


def _pictures(path: Path, fps: float, every: bool, search: Search | None) -> Iterator[Picture]:
    make = FrameMaker(CameraConfig())
    video = VideoFile(path, fps)
    try:
        for time_ns, decoded, looked in video.pictures():
            if looked:
                frame = make.frame(video.rgb(decoded), time_ns)
                yield Picture(time_ns, frame, decoded, search(frame) if search else None)
            elif every:
                yield Picture(time_ns, None, decoded)
    finally:
        video.close()


def _chunks(path: Path) -> Iterator[AudioChunk]:
    sound = SoundFile(path)
    try:
        for piece in sound.pieces():
            yield AudioChunk(piece.payload, SAMPLE_RATE_HZ, piece.start_ns)
    finally:
        sound.close()


def _until_failure(
    items: Iterable[Picture | AudioChunk], failed: Callable[[str], None]
) -> Iterator[Picture | AudioChunk]:
    try:
        yield from items
    except CaptureError as error:
        failed(str(error))
