"""The pictures of a video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.capture.media_file import MediaFile
from edge.capture.rate import FrameRate
from edge.capture.replay import Piece

#: The time of a picture in ns, the picture as FFmpeg decoded it, and whether it is one of the `fps` a second.
Decoded = tuple[int, Any, bool]


class VideoFile(MediaFile):
    """``file:VIDEO``: a picture has the size and the (phone's) rotation that the file gives it.

    Args:
        fps: of a file that has more pictures a second only so many are given.
    """

    def __init__(self, path: Path, fps: float) -> None:
        super().__init__(path, "video", f"file:{path}")
        self._fps = fps
        self._reformatter: Reformatter | None = None

    def pieces(self) -> Iterator[Piece[NDArray[np.uint8]]]:
        """Pictures uint8 [H, W, 3] RGB."""
        for time_ns, frame, taken in self.pictures():
            if taken:
                yield Piece(time_ns, time_ns, self.rgb(frame))

    def pictures(self) -> Iterator[Decoded]:
        """Every picture."""
        rate = FrameRate(self._fps)
        time_ns = 0
        for frame in self.decoded():
            time_ns = self._time_or_next(frame, time_ns)
            yield time_ns, frame, rate.takes(time_ns)

    def rgb(self, frame: Any) -> NDArray[np.uint8]:
        """A decoded picture upright, uint8 [H, W, 3] RGB."""
        self._reformatter = self._reformatter or Reformatter()
        image: NDArray[np.uint8] = self._reformatter.reformat(frame, format="rgb24").to_ndarray()
        return np.rot90(image, quarter_turns(frame)) if quarter_turns(frame) else image

    def _time_or_next(self, frame: Any, before_ns: int) -> int:
        """A raw stream has no times: its pictures follow each other at 25 a second, as FFmpeg assumes."""
        time_ns = self.time_ns(frame)
        return before_ns + 40_000_000 if time_ns is None else time_ns


class Reformatter:
    """FFmpeg's scaler and converter, one for all pictures, in the thread that asks: a picture's own begins with threads
    and tables, in ten times the time, and waking a thread costs twice what it does."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def reformat(self, frame: Any, **wanted: Any) -> Any:
        """A decoded picture as PyAV's `VideoReformatter.reformat` makes it."""
        try:
            return self._reformatter.reformat(frame, threads=1, **wanted)
        except TypeError:  # an older PyAV, which has no choice
            return self._reformatter.reformat(frame, **wanted)


def quarter_turns(frame: Any) -> int:
    """By how many right angles, counter-clockwise, a decoded picture must be turned to stand upright."""
    return round(getattr(frame, "rotation", 0) / 90)  # av before 14 does not tell
