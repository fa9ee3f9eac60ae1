"""The faces of a recording, found here, or in a process of its own where cores are free.

A process and not a thread: perceiving is half libraries, half Python, and threads share one Python.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.analyze.marks import draw
from edge.analyze.processes import FORK, SPAWN, begin, brought_down, project_warnings
from edge.capture.frames import FrameMaker
from edge.capture.video_file import Decoded, VideoFile
from edge.config import CameraConfig, Config
from edge.errors import CaptureError, EdgeError
from edge.jpeg import jpeg
from edge.perceive.face import FacePerception
from edge.records import FaceObservation, Frame
from edge.service.models import build_face, load_models

POSTER_PX = 480
# Waking the other process costs both: not for each picture.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A picture of a recording that was looked at, and the confirmed faces in it; None for the last picture, if nobody
    looked at it."""

    time_ns: int
    faces: list[FaceObservation] | None


class _Poster:
    """Keeps the picture that shows a file best: that with the largest good face, else the first."""

    def __init__(self) -> None:
        self._best = -1.0
        self._picture: NDArray[np.uint8] | None = None

    def offer(self, image: NDArray[np.uint8], faces: list[FaceObservation]) -> None:
        worth = max((face.box.width * face.box.height * face.quality for face in faces), default=0.0)
        if self._picture is None or worth > self._best * 1.1:
            self._best, self._picture = worth, draw(image, faces)

    def write(self, path: Path) -> None:
        if self._picture is not None:
            path.write_bytes(jpeg(self._picture, POSTER_PX))


def seen(
    path: Path,
    fps: float,
    face: FacePerception | None,
    poster: Path | None = None,
    each: Callable[[Decoded], Any] | None = None,
) -> Iterator[Seen]:
    """The pictures of a video that are looked at, in their order.

    Args:
        fps: so many pictures a second are looked at, as of a camera; all, where the file has no more.
        face: finds the faces; None where nobody does.
        poster: at the end the picture that shows the file best is written here, as JPEG.
        each: is given every picture, also those that nobody looks at.

    Raises:
        CaptureError: the file cannot be read on.
        OSError: `poster` cannot be written.
    """
    best = _Poster()
    make = FrameMaker(CameraConfig())
    video = VideoFile(path, fps)
    time_ns, looked = 0, True
    try:
        for time_ns, decoded, looked in video.pictures():
            if each:
                each((time_ns, decoded, looked))
            if looked:
                frame = make.frame(video.rgb(decoded), time_ns)
                faces = face.observe(frame) if face else []
                if poster:
                    best.offer(frame.image, faces)
                yield Seen(time_ns, faces)
        if not looked:
            yield Seen(time_ns, None)
    except CaptureError:
        if poster:
            best.write(poster)
        raise
    else:
        if poster:
            best.write(poster)
    finally:
        video.close()


def still(face: FacePerception | None, image: NDArray[np.uint8]) -> list[Seen]:
    """One picture uint8 [H, W, 3] RGB as a recording of its own."""
    frame = Frame(np.ascontiguousarray(image), 0, 0)
    return [Seen(0, face.observe(frame) if face else [])]


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """What the process says last."""

    warnings: list[str]
    error: Exception | None


@contextmanager
def seen_beside(path: Path, config: Config, poster: Path | None, fork: bool = False) -> Iterator[Iterator[Seen]]:
    """`seen` by a process of its own, which loads its models for itself, one file long.

    Args:
        fork: this process has not loaded any model yet, nor does anything else in threads.

    Raises:
        CaptureError: as `seen`, or the process has ended.
        EdgeError, OSError: it cannot work at all.
    """
    context = FORK if fork else SPAWN
    connection, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, path, config, poster))
    process.start()
    theirs.close()

    def received() -> Iterator[Seen]:
        try:
            while isinstance(message := connection.recv(), list):
                yield from message
        except (EOFError, OSError):  # the latter in the middle of a message
            process.join()
            raise CaptureError(f"{path}: {brought_down(process.exitcode)}") from None
        for warning in message.warnings:
            logging.getLogger(__name__).warning("%s", warning)
        if message.error:
            raise message.error

    try:
        yield received()
    finally:
        connection.close()
        process.terminate()
        process.join()


def _serve(connection: Connection[Any, Any], path: Path, config: Config, poster: Path | None) -> None:
    """The process."""
    begin()
    config = replace(config, microphone=replace(config.microphone, enabled=False))
    failure: Exception | None = None
    with project_warnings() as warnings:
        try:
            face = build_face(config, load_models(config))
            pictures = seen(path, config.camera.fps, face, poster)
            while some := [*islice(pictures, _AT_ONCE)]:
                connection.send(some)  # waits where many wait
        except BrokenPipeError:
            return  # whoever asked is gone
        except (EdgeError, OSError, ValueError) as error:
            failure = error
    with suppress(BrokenPipeError):
        connection.send(_End(warnings, failure))
