"""The pictures of a video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.capture.media_file import MediaFile
from edge.capture.replay import Piece


class VideoFile(MediaFile):
    """``file:VIDEO``: a picture has the size, the rate and the (phone's) rotation that the file gives it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "video", f"file:{path}")

    def pieces(self) -> Iterator[Piece[NDArray[np.uint8]]]:
        """Pictures uint8 [H, W, 3] RGB."""
        time_ns = 0
        for frame in self.decoded():
            time_ns = self._time_or_next(frame, time_ns)
            yield Piece(time_ns, time_ns, _upright(frame))

    def _time_or_next(self, frame: Any, before_ns: int) -> int:
        """A raw stream has no times: its pictures follow each other at 25 a second, as FFmpeg assumes."""
        time_ns = self.time_ns(frame)
        return before_ns + 40_000_000 if time_ns is None else time_ns


def _upright(frame: Any) -> NDArray[np.uint8]:
    turns = round(getattr(frame, "rotation", 0) / 90)  # counter-clockwise; av before 14 does not tell
    image: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    return np.rot90(image, turns) if turns else image
