"""One file: perceived, fused, and everything about it written into a folder of its own."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.analyze.alongside import Behind
from edge.analyze.annotate import AnnotatedVideo, draw
from edge.analyze.inputs import Input
from edge.analyze.summary import Summary
from edge.analyze.tables import Tables
from edge.analyze.timeline import Timeline
from edge.analyze.walk import Picture, Search, Step, media, steps
from edge.capture.image_folder import read_image
from edge.capture.media_file import contents
from edge.config import Config
from edge.errors import EdgeError
from edge.jpeg import jpeg
from edge.perceive.detector import FaceDetector
from edge.perceive.face import Turns
from edge.records import FaceObservation, Frame, SpeechObservation
from edge.service.pipeline import LoadedModels, Pipeline, build_pipeline

_POSTER_PX = 480
_TELL_S = 0.2

#: Told while a file is read: the share that is done, and how many seconds of it.
Tell = Callable[[float, float], None]


@dataclass(frozen=True, slots=True)
class Job:
    """How every file of a batch is analysed; `alongside`: in several threads, for cores are free."""

    config: Config
    out: Path
    video: bool
    made_with: str
    alongside: bool = False


def analyze_file(item: Input, job: Job, loaded: LoadedModels, tell: Tell) -> Summary:
    """Analyse one file; what cannot be read is told in the summary, never raised."""
    folder = job.out / item.folder
    summary = Summary(str(item.path), str(item.folder), made_with=job.made_with)
    begun, cpu = time.perf_counter(), time.process_time()
    with _warnings() as warnings:
        try:
            state = item.path.stat()
            summary.source_bytes, summary.source_ns = state.st_size, state.st_mtime_ns
            shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
            folder.mkdir(parents=True)
            if item.is_image:
                _image(item, folder, job, loaded, summary)
            else:
                _media(item, folder, job, loaded, summary, tell)
            _remark(summary, job.config)
        except (EdgeError, OSError, ValueError) as error:
            summary.failure = f"{item.path}: {str(error).removeprefix(f'{item.path}: ')}"
    summary.remarks += [*dict.fromkeys(warnings)]
    summary.took_s, summary.cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    if folder.is_dir():
        summary.outputs = sorted(file.name for file in folder.iterdir())
        summary.write(folder)
    return summary


def _media(item: Input, folder: Path, job: Job, loaded: LoadedModels, summary: Summary, tell: Tell) -> None:
    held = contents(item.path)
    summary.kind = "video" if held.picture else "sound"
    config = _only(job.config, held.picture, held.sound)
    if not held.picture and not held.sound:
        raise EdgeError(f"{item.path}: expected pictures or sound, found neither")
    if not held.sound and job.config.microphone.enabled:
        summary.remarks.append("no sound: the voice says nothing here")
    pipeline = build_pipeline(config, loaded=loaded)
    failures: list[str] = []
    listen = held.sound and pipeline.speech is not None
    search = _search(pipeline.detector, config) if job.alongside and pipeline.face and pipeline.detector else None
    items = media(item.path, held.picture, listen, failures.append, config.camera.fps, job.video, search)
    pictures = _Pictures(folder)
    told = 0.0
    shown: list[FaceObservation] = []
    with ExitStack() as stack:
        work = _Work(stack.enter_context(Tables(folder)), Timeline(config.speech.hop_ms * 1_000_000), summary)
        show: Callable[..., None] | None = None
        if held.picture and job.video:
            video = stack.enter_context(AnnotatedVideo(folder / "annotated.mp4", item.path, held.sound))
            show = partial(stack.enter_context(Behind()).call, video.add) if job.alongside else video.add
        for step in steps(pipeline, items):
            work.take(step)
            if step.frame:
                shown = _faces(step)
                pictures.offer(step.frame.image, shown)
            if show and step.decoded:
                # A picture that nobody looked at shows what was known then: the faces of the one before.
                show(step.decoded, step.time_ns, shown)
            if time.monotonic() - told > _TELL_S:
                told = time.monotonic()
                tell(summary.length_s / held.length_s if held.length_s else 0.0, summary.length_s)
    pictures.write()
    work.finish(folder, item.path.name)
    summary.failure = "; ".join(failures)


def _search(detector: FaceDetector, config: Config) -> Search:
    """What `FacePerception` would do in the same frames, for a thread of its own."""
    turns = Turns(config.face)
    return lambda frame: detector.detect(frame.image) if turns.due(frame.captured_ns) else None


def _image(item: Input, folder: Path, job: Job, loaded: LoadedModels, summary: Summary) -> None:
    summary.kind = "image"
    image = read_image(item.path)
    if image is None:
        raise EdgeError(f"{item.path}: expected a picture, this file cannot be read as one")
    # One picture is all there is: a face need not be confirmed by a second.
    config = replace(_only(job.config, True, False), face=replace(job.config.face, confirm_frames=1))
    pipeline = build_pipeline(config, loaded=loaded)
    with Tables(folder) as tables:
        work = _Work(tables, Timeline(0), summary)
        for step in _still(pipeline, image):
            work.take(step)
            if step.frame:
                (folder / "annotated.jpg").write_bytes(jpeg(draw(image, _faces(step))))
                (folder / "picture.jpg").write_bytes(jpeg(draw(image, _faces(step)), _POSTER_PX))
    summary.shares = {sense: work.timeline.shares(sense) for sense in ("face", "fused") if work.timeline.shares(sense)}
    summary.length_s = 0.0


def _still(pipeline: Pipeline, image: NDArray[np.uint8]) -> Iterator[Step]:
    return steps(pipeline, [Picture(0, Frame(np.ascontiguousarray(image), 0, 0))])


class _Work:
    """What is counted and collected of every step."""

    def __init__(self, tables: Tables, timeline: Timeline, summary: Summary) -> None:
        self.tables, self.timeline, self._summary = tables, timeline, summary
        self._people: set[int] = set()

    def take(self, step: Step) -> None:
        summary = self._summary
        self.tables.add(step)
        self.timeline.add(step)
        faces = _faces(step)
        self._people.update(face.track_id for face in faces)
        summary.faces = len(self._people)
        summary.frames += step.frame is not None
        summary.face_observations += len(faces)
        summary.speech_observations += sum(isinstance(each, SpeechObservation) for each in step.observations)
        summary.events += len(step.events)
        summary.length_s = max(summary.length_s, step.time_ns / 1e9)

    def finish(self, folder: Path, title: str) -> None:
        summary = self._summary
        senses = ("face", "speech", "text", "fused")
        summary.shares = {sense: shares for sense in senses if (shares := self.timeline.shares(sense))}
        summary.unmarked_events = self.timeline.unmarked
        svg = self.timeline.svg(f"{title}: probabilities over time")
        (folder / "timeline.svg").write_text(svg, encoding="utf-8")


class _Pictures:
    """Keeps the picture that shows a file best: that with the largest good face, else the first."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "picture.jpg"
        self._best = -1.0
        self._picture: NDArray[np.uint8] | None = None

    def offer(self, image: NDArray[np.uint8], faces: list[FaceObservation]) -> None:
        if self._picture is None or self._worth(faces) > self._best * 1.1:
            self._best, self._picture = self._worth(faces), draw(image, faces)

    def write(self) -> None:
        if self._picture is not None:
            self._path.write_bytes(jpeg(self._picture, _POSTER_PX))

    @staticmethod
    def _worth(faces: list[FaceObservation]) -> float:
        return max((face.box.width * face.box.height * face.quality for face in faces), default=0.0)


def _faces(step: Step) -> list[FaceObservation]:
    return [observation for observation in step.observations if isinstance(observation, FaceObservation)]


def _only(config: Config, picture: bool, sound: bool) -> Config:
    """`config` without the senses that a file cannot serve."""
    return replace(
        config,
        camera=replace(config.camera, enabled=config.camera.enabled and picture),
        microphone=replace(config.microphone, enabled=config.microphone.enabled and sound),
    )


def _remark(summary: Summary, config: Config) -> None:
    if summary.kind != "sound" and config.camera.enabled and not summary.face_observations:
        summary.remarks.append("no face found")
    heard = not any(remark.startswith("no sound") for remark in summary.remarks)
    if summary.kind != "image" and config.microphone.enabled and heard and not summary.speech_observations:
        summary.remarks.append("no speech found")


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What this project warns of meanwhile: with many files, a log far from them would help nobody."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("edge")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
