"""One recording through the service's own perception and fusion, in the recording's own time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.analyze.seeing import Seen
from edge.capture.sound_file import SoundFile
from edge.capture.source import SAMPLE_RATE_HZ
from edge.errors import CaptureError
from edge.records import AudioChunk, EmotionEstimate, EmotionEvent, FaceObservation, Observation
from edge.service.pipeline import Pipeline

#: The fused estimate is asked at most so often, and whenever something happens.
_ESTIMATE_NS = 100_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What one picture or one chunk of sound brought. `faces` is None where nobody looked: of sound, and at the end.

    `estimate` is that of the primary subject; None where nobody is there or it was asked a moment ago.
    """

    time_ns: int
    faces: list[FaceObservation] | None
    observations: list[Observation]
    events: list[EmotionEvent]
    estimate: EmotionEstimate | None
    people: int


def media(
    path: Path, pictures: Iterator[Seen] | None, sound: bool, failed: Callable[[str], None]
) -> Iterator[Seen | AudioChunk]:
    """The pictures and chunks of a file, as they end in time: what the service would have at each moment.

    A stream that cannot be read on ends, the other goes on; `failed` is told why.
    """
    streams: list[Iterable[Seen | AudioChunk]] = []
    if sound:
        streams.append(_until_failure(_chunks(path), failed))
    if pictures:
        streams.append(_until_failure(pictures, failed))
    return heapq.merge(*streams, key=_time_ns)  # sound first where both end at once


def steps(pipeline: Pipeline, items: Iterable[Seen | AudioChunk]) -> Iterator[Step]:
    """Each item perceived and fused; the last step is the end, when everybody leaves."""
    told_ns = None
    now_ns = 0
    for item in items:
        now_ns = _time_ns(item)
        faces = None if isinstance(item, AudioChunk) else item.faces
        observations: list[Observation] = (
            pipeline.listen(item) if isinstance(item, AudioChunk) else [*(item.faces or [])]
        )
        events = pipeline.fuse(observations, now_ns)
        estimate = None
        if events or told_ns is None or now_ns - told_ns >= _ESTIMATE_NS:
            estimate, told_ns = pipeline.fuser.estimate(), now_ns
        yield Step(now_ns, faces, observations, events, estimate, pipeline.fuser.people)
    last = pipeline.finish()
    yield Step(now_ns, None, last, [*pipeline.fuse(last, now_ns), *pipeline.fuser.close()], None, 0)


def _time_ns(item: Seen | AudioChunk) -> int:
    return item.time_ns if isinstance(item, Seen) else item.end_ns


def _chunks(path: Path) -> Iterator[AudioChunk]:
    sound = SoundFile(path)
    try:
        for piece in sound.pieces():
            yield AudioChunk(piece.payload, SAMPLE_RATE_HZ, piece.start_ns)
    finally:
        sound.close()


def _until_failure(items: Iterable[Seen | AudioChunk], failed: Callable[[str], None]) -> Iterator[Seen | AudioChunk]:
    try:
        yield from items
    except CaptureError as error:
        failed(str(error))
