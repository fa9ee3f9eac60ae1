"""The annotated video of a file, made in step with its analysis."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.analyze.annotate import AnnotatedVideo
from edge.capture.video_file import Decoded, VideoFile
from edge.errors import CaptureError
from edge.records import FaceObservation

#: Is told the faces of each picture that was looked at, in their order.
Show = Callable[[Sequence[FaceObservation]], None]


class Waiting:
    """Pictures that `drawing` takes when it may: an iterator that goes on when there are more."""

    def __init__(self) -> None:
        self._pictures: deque[Decoded] = deque()
        self.add = self._pictures.append

    def __iter__(self) -> Waiting:
        return self

    def __next__(self) -> Decoded:
        if not self._pictures:
            raise StopIteration
        return self._pictures.popleft()


@contextmanager
def drawing(target: Path, source: Path, sound: bool, pictures: Iterator[Decoded]) -> Iterator[Show]:
    """Draws `target` as it is told, and at the end what is left, unless an error ends it.

    Args:
        sound: keep that of `source`.
        pictures: up to and with the next that is looked at; after the last such, those that are left.
    """
    with AnnotatedVideo(target, source, sound) as video:
        shown: Sequence[FaceObservation] = ()

        def show(faces: Sequence[FaceObservation]) -> None:
            """The next picture that was looked at has these faces, those before it still the former."""
            nonlocal shown
            for time_ns, picture, looked in pictures:
                shown = faces if looked else shown
                video.add(picture, time_ns, shown)
                if looked:
                    return

        yield show
        for time_ns, picture, _ in pictures:
            video.add(picture, time_ns, shown)


def readable(file: VideoFile) -> Iterator[Decoded]:
    """Its pictures as far as they can be read: who looks at them tells why they end."""
    try:
        yield from file.pictures()
    except CaptureError:
        return
