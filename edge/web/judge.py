"""What was sent, analysed in a process of its own: what a decoder does with bad media costs that process only.

The media stays in memory: a file without a name (memfd_create(2)), for the libraries want files.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
from collections.abc import Iterable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from edge.analyze.seeing import seen, still
from edge.analyze.tables import lines
from edge.analyze.walk import Step, media, steps
from edge.capture.image_folder import read_image
from edge.capture.media_file import contents
from edge.config import Config
from edge.errors import CaptureError, EdgeError, ModelError
from edge.perceive.package import find_package, load_package
from edge.service.models import LoadedModels, load_models, wanted_models
from edge.service.pipeline import build_pipeline

Kind = Literal["face", "speech", "video"]

# What this process may take for itself. A picture of a few kilobytes can claim to be a billion pixels.
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Work:
    """One upload, and the longest recording that is taken."""

    kind: Kind
    content: bytes
    most_s: float


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It is not the media that was expected; `message` says what to do."""

    message: str


def lacking(config: Config) -> str:
    """The model that is missing or cannot be used, and what to do; empty: all are there."""
    try:
        for task, name in wanted_models(_for_uploads(config)):
            load_package(find_package(name), task)
    except ModelError as error:
        return str(error)
    return ""


def serve_work(connection: Connection[Any, Any], config: Config) -> None:
    """The process, until the other side is gone: it tells "" or why it cannot work, then takes work and gives answers
    (a JSON body or `Unreadable`)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable(logging.WARNING)  # what is wrong with a file is the answer
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    config = _for_uploads(config)
    try:
        loaded = load_models(config)
        build_pipeline(config, loaded=loaded)
    except EdgeError as error:
        connection.send(str(error))
        return
    connection.send("")
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
    try:
        while True:
            work = connection.recv()
            try:
                answer: dict[str, Any] | Unreadable = judge(work, config, loaded)
            except MemoryError:
                answer = Unreadable("it unpacks to more than this service takes: send a smaller one")
            except (EdgeError, OSError, ValueError) as error:
                answer = Unreadable(str(error))
            connection.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def judge(work: Work, config: Config, loaded: LoadedModels) -> dict[str, Any]:
    """The answer to one upload.

    Raises:
        EdgeError: it cannot be read as what it should be.
    """
    descriptor = os.memfd_create("upload", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(work.content)
        path = Path(f"/proc/self/fd/{descriptor}")
        try:
            return _face(path, config, loaded) if work.kind == "face" else _media(path, work, config, loaded)
        except EdgeError as error:
            raise CaptureError(str(error).replace(f"{path}: ", "").replace(f"file:{path}: ", "")) from error
    finally:
        os.close(descriptor)


def _face(path: Path, config: Config, loaded: LoadedModels) -> dict[str, Any]:
    image = read_image(path)
    if image is None:
        raise CaptureError("expected a picture (JPEG, PNG, WebP, BMP or TIFF), this cannot be read as one")
    config = _with(config, picture=True, sound=False)
    config = replace(config, face=replace(config.face, confirm_frames=1))  # one picture is all there is
    height, width = image.shape[:2]
    pipeline = build_pipeline(config, loaded=loaded)
    found = _lines(steps(pipeline, still(pipeline.face, image)))
    faces = [_without(line, "kind", "time_s") for line in found if line["kind"] == "face"]
    return {"schema": 1, "width_px": width, "height_px": height, "faces": faces}


def _media(path: Path, work: Work, config: Config, loaded: LoadedModels) -> dict[str, Any]:
    held = contents(path)
    needed = held.picture if work.kind == "video" else held.sound
    if not needed:
        raise CaptureError(f"expected {'a video' if work.kind == 'video' else 'sound'}, found none in it")
    picture = work.kind == "video"
    config = _with(config, picture=picture, sound=held.sound)
    failures: list[str] = []
    length_s = 0.0
    found: list[dict[str, Any]] = []
    pipeline = build_pipeline(config, loaded=loaded)
    pictures = seen(path, config.camera.fps, pipeline.face) if picture else None
    for step in steps(pipeline, media(path, pictures, held.sound, failures.append)):
        length_s = max(length_s, step.time_ns / 1e9)
        if length_s > work.most_s:
            raise CaptureError(f"expected at most {work.most_s:g} s, this is longer: send it in parts")
        found += _lines([step])
    if failures:
        raise CaptureError("; ".join(failures))
    for number, line in enumerate((line for line in found if line["kind"] == "event"), start=1):
        line["sequence"] = number
    return {
        "schema": 1,
        "length_s": round(length_s, 3),
        **({"faces": _of("face", found)} if picture else {}),
        "speech": _of("speech", found),
        "events": _of("event", found),
    }


def _for_uploads(config: Config) -> Config:
    """`config` with both senses: pictures are looked at by a device without a camera, too."""
    return _with(config, picture=True, sound=True)


def _with(config: Config, *, picture: bool, sound: bool) -> Config:
    camera, microphone = replace(config.camera, enabled=picture), replace(config.microphone, enabled=sound)
    return replace(config, camera=camera, microphone=microphone)


def _lines(found: Iterable[Step]) -> list[dict[str, Any]]:
    return [line for step in found for line in lines(step, 1) if line["kind"] != "fused"]


def _of(kind: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_without(line, "kind") for line in found if line["kind"] == kind]


def _without(line: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in keys}
