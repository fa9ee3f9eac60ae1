"""One file: perceived, fused, and everything about it written into a folder of its own."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from edge.analyze.annotate import AnnotatedVideo
from edge.analyze.drawing import Drawing, Show, reading
from edge.analyze.inputs import Input
from edge.analyze.marks import draw
from edge.analyze.processes import project_warnings
from edge.analyze.seeing import POSTER_PX, Seen, seen, seen_beside, still
from edge.analyze.summary import Summary
from edge.analyze.tables import Tables
from edge.analyze.timeline import Timeline
from edge.analyze.walk import Step, media, steps
from edge.capture.image_folder import read_image
from edge.capture.media_file import Contents, contents
from edge.capture.video_file import VideoFile
from edge.config import Config
from edge.errors import EdgeError, ModelError
from edge.jpeg import jpeg
from edge.perceive.face import FacePerception
from edge.records import SpeechObservation
from edge.service.models import LoadedModels, load_models
from edge.service.pipeline import build_pipeline

# A shorter video is done before another process has loaded its models.
_WORTH_A_PROCESS_S = 20
_TELL_S = 0.5

#: Told while a file is read: the share that is done, and how many seconds of it.
Tell = Callable[[float, float], None]


@dataclass(frozen=True, slots=True)
class Job:
    """How every file of a batch is analysed; `alongside`: a long one with a process more, for cores are free."""

    config: Config
    out: Path
    video: bool
    made_with: str
    alongside: bool = False


class Models:
    """The models of a process, loaded when they are first asked for."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.loaded: LoadedModels | None = None

    def load(self) -> LoadedModels:
        """Load them, or give those that are loaded.

        Raises:
            ModelError: as `load_models`.
        """
        self.loaded = self.loaded or load_models(self._config)
        return self.loaded


def analyze_file(item: Input, job: Job, models: Models, tell: Tell) -> Summary:
    """Analyse one file; what cannot be read is told in the summary, never raised.

    Raises:
        ModelError: a model cannot be used.
    """
    folder = job.out / item.folder
    summary = Summary(str(item.path), str(item.folder), made_with=job.made_with)
    begun, cpu = time.perf_counter(), _cpu_s()
    with project_warnings() as warnings:
        try:
            state = item.path.stat()
            summary.source_bytes, summary.source_ns = state.st_size, state.st_mtime_ns
            shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
            folder.mkdir(parents=True)
            if item.is_image:
                _image(item, folder, job, models, summary)
            else:
                _media(item, folder, job, models, summary, tell)
            _remark(summary, job.config)
        except ModelError:
            raise
        except (EdgeError, OSError, ValueError) as error:
            summary.failure = f"{item.path}: {str(error).removeprefix(f'{item.path}: ')}"
    summary.remarks += [*dict.fromkeys(warnings)]
    summary.took_s, summary.cpu_s = time.perf_counter() - begun, _cpu_s() - cpu
    if folder.is_dir():
        summary.outputs = sorted(file.name for file in folder.iterdir())
        summary.write(folder)
    return summary


def _cpu_s() -> float:
    """What this process, and those that it has waited for, have computed."""
    return sum(os.times()[:4])


def _media(item: Input, folder: Path, job: Job, models: Models, summary: Summary, tell: Tell) -> None:
    held = contents(item.path)
    summary.kind = "video" if held.picture else "sound"
    config = _only(job.config, held.picture, held.sound)
    if not held.picture and not held.sound:
        raise EdgeError(f"{item.path}: expected pictures or sound, found neither")
    if not held.sound and job.config.microphone.enabled:
        summary.remarks.append("no sound: the voice says nothing here")
    failures: list[str] = []
    told = 0.0
    with ExitStack() as stack:
        seeing = _beside(item, folder, job, held, models, stack)  # first: before any model is loaded here
        pipeline = build_pipeline(config, loaded=models.load())
        work = _Work(stack.enter_context(Tables(folder)), Timeline(config.speech.hop_ms * 1_000_000), summary)
        pictures, show = None, None
        if held.picture:
            pictures, show = _pictures(item, folder, job, held.sound, pipeline.face, seeing, stack)
        listen = held.sound and pipeline.speech is not None
        for step in steps(pipeline, media(item.path, pictures, listen, failures.append)):
            work.take(step)
            if step.faces is not None and show:
                show(step.faces)
            if time.monotonic() - told > _TELL_S:
                told = time.monotonic()
                tell(summary.length_s / held.length_s if held.length_s else 0.0, summary.length_s)
    work.finish(folder, item.path.name)
    summary.failure = "; ".join(failures)


def _beside(
    item: Input, folder: Path, job: Job, held: Contents, models: Models, stack: ExitStack
) -> Iterator[Seen] | None:
    """The pictures as a process of its own looks at them; None where that is not worth it."""
    if not (job.alongside and held.picture and job.config.camera.enabled and held.length_s >= _WORTH_A_PROCESS_S):
        return None
    poster = folder / "picture.jpg" if job.video else None
    return stack.enter_context(seen_beside(item.path, job.config, poster, fork=models.loaded is None))


def _pictures(
    item: Input,
    folder: Path,
    job: Job,
    sound: bool,
    face: FacePerception | None,
    beside: Iterator[Seen] | None,
    stack: ExitStack,
) -> tuple[Iterator[Seen], Show | None]:
    """The pictures that are looked at, and who is told the faces of each and draws them."""
    fps = job.config.camera.fps
    if not job.video:  # nor any other picture
        return beside or seen(item.path, fps, face), None
    video = stack.enter_context(AnnotatedVideo(folder / "annotated.mp4", item.path, sound))
    drawing = Drawing(video, fps)
    if beside:
        # Decoded once more: that costs less than to carry pictures from there.
        file = stack.enter_context(closing(VideoFile(item.path, fps)))
        return beside, stack.enter_context(reading(drawing, file))
    return seen(item.path, fps, face, folder / "picture.jpg", drawing.add), drawing.show


def _image(item: Input, folder: Path, job: Job, models: Models, summary: Summary) -> None:
    summary.kind = "image"
    image = read_image(item.path)
    if image is None:
        raise EdgeError(f"{item.path}: expected a picture, this file cannot be read as one")
    # One picture is all there is: a face need not be confirmed by a second.
    config = replace(_only(job.config, True, False), face=replace(job.config.face, confirm_frames=1))
    pipeline = build_pipeline(config, loaded=models.load())
    with Tables(folder) as tables:
        work = _Work(tables, Timeline(0), summary)
        for step in steps(pipeline, still(pipeline.face, image)):
            work.take(step)
            if step.faces is not None and job.video:
                (folder / "annotated.jpg").write_bytes(jpeg(draw(image, step.faces)))
                (folder / "picture.jpg").write_bytes(jpeg(draw(image, step.faces), POSTER_PX))
    summary.shares = {sense: work.timeline.shares(sense) for sense in ("face", "fused") if work.timeline.shares(sense)}
    summary.length_s = 0.0


class _Work:
    """What is counted and collected of every step."""

    def __init__(self, tables: Tables, timeline: Timeline, summary: Summary) -> None:
        self.tables, self.timeline, self._summary = tables, timeline, summary
        self._people: set[int] = set()

    def take(self, step: Step) -> None:
        summary = self._summary
        self.tables.add(step)
        self.timeline.add(step)
        faces = step.faces or []
        self._people.update(face.track_id for face in faces)
        summary.faces = len(self._people)
        summary.frames += step.faces is not None
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


def _only(config: Config, picture: bool, sound: bool) -> Config:
    """`config` without the senses that a file cannot serve."""
    return replace(
        config,
        camera=replace(config.camera, enabled=config.camera.enabled and picture),
        microphone=replace(config.microphone, enabled=config.microphone.enabled and sound),
    )


def _remark(summary: Summary, config: Config) -> None:
    if summary.failure:  # which is why
        return
    if summary.kind != "sound" and config.camera.enabled and not summary.face_observations:
        summary.remarks.append("no face found")
    heard = not any(remark.startswith("no sound") for remark in summary.remarks)
    if summary.kind != "image" and config.microphone.enabled and heard and not summary.speech_observations:
        summary.remarks.append("no speech found")
