"""A folder of pictures as a recording."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture.replay import Piece
from edge.errors import CaptureError

log = logging.getLogger(__name__)

#: The pictures that are looked for in a folder.
SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


class ImageFolder:
    """``images:FOLDER``: its pictures in the order of their names (2 before 10), `fps` a second.

    A picture that cannot be read is skipped with a warning and keeps its place in time.
    """

    def __init__(self, folder: Path, fps: float) -> None:
        self.name = f"images:{folder}"
        self._folder = Path(os.path.expanduser(folder))  # noqa: PTH111 - never raises, unlike Path's
        self._interval_ns = round(1e9 / fps)
        self._paths: list[Path] = []

    def open(self) -> None:
        try:
            found = [path for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES]
        except OSError as error:
            raise CaptureError(f"{self.name}: expected a folder of pictures: {error.strerror}") from error
        if not found:
            raise CaptureError(f"{self.name}: expected pictures ({', '.join(sorted(SUFFIXES))}), found none")
        self._paths = sorted(found, key=_order)

    def pieces(self) -> Iterator[Piece[NDArray[np.uint8]]]:
        """Pictures uint8 [H, W, 3] RGB.

        Raises:
            CaptureError: at the end, if none could be read.
        """
        unread = 0
        for number, path in enumerate(self._paths):
            image = read_image(path)
            if image is None:
                unread += 1
                log.warning("%s: %s is not a picture that can be read; skipped", self.name, path.name)
            else:
                yield Piece(number * self._interval_ns, number * self._interval_ns, image)
        if unread == len(self._paths):
            raise CaptureError(f"{self.name}: expected pictures, none of the {unread} files can be read")

    def length_ns(self) -> int:
        return len(self._paths) * self._interval_ns

    def close(self) -> None:
        self._paths = []


def read_image(path: Path) -> NDArray[np.uint8] | None:
    """The picture at `path`, uint8 [H, W, 3] RGB, upright as its EXIF data says; None if it cannot be read."""
    # Not cv2.imread: that only prints why it fails.
    try:
        data = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except (OSError, cv2.error):
        return None
    return None if picture is None else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def _order(path: Path) -> list[tuple[int, str]]:
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", path.name)]
