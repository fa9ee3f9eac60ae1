"""The annotated video of a file, made in step with its analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from edge.analyze.annotate import AnnotatedVideo
from edge.capture.video_file import Decoded, VideoFile
from edge.errors import CaptureError
from edge.records import FaceObservation

#: Is told the faces of each picture that was looked at, in their order.
Show = Callable[[Sequence[FaceObservation]], None]
_SECOND_NS = 1_000_000_000


class Drawing:
    """Draws every picture: one that was looked at with its faces, the others with those of the one before, as long as
    that says anything.

    Args:
        fps: so many pictures a second are looked at.
    """

    def __init__(self, video: AnnotatedVideo, fps: float) -> None:
        self._video = video
        self._longest_ns = max(_SECOND_NS, int(2 * _SECOND_NS / fps))
        self._shown: Sequence[FaceObservation] = ()
        self._looked_ns = 0
        self._looked: Any = None

    def add(self, picture: Decoded) -> None:
        """The next picture: drawn at once, or with `show` if it is looked at."""
        time_ns, decoded, looked = picture
        if looked:
            self._looked_ns, self._looked = time_ns, decoded
        else:
            known = time_ns - self._looked_ns <= self._longest_ns
            self._video.add(decoded, time_ns, self._shown if known else ())

    def show(self, faces: Sequence[FaceObservation]) -> None:
        """The picture that was looked at last has these faces."""
        self._shown = faces
        self._video.add(self._looked, self._looked_ns, faces)


@contextmanager
def reading(drawing: Drawing, file: VideoFile) -> Iterator[Show]:
    """Draws the pictures of `file`, as it is told their faces, and then those that follow the last that was looked at:
    where looking has failed, nobody knows what is in the next."""
    pictures = _readable(file)

    def upto_next() -> bool:
        for picture in pictures:
            drawing.add(picture)
            if picture[2]:
                return True
        return False

    def show(faces: Sequence[FaceObservation]) -> None:
        if upto_next():
            drawing.show(faces)

    yield show
    upto_next()


def _readable(file: VideoFile) -> Iterator[Decoded]:
    """Its pictures as far as they can be read: who looks at them tells why they end."""
    try:
        yield from file.pictures()
    except CaptureError:
        return
