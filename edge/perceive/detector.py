"""Face detection: a picture in, boxes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.records import Box


@dataclass(frozen=True, slots=True)
class Detection:
    """A face found in one picture; `score` in [0, 1]."""

    box: Box
    score: float


class FaceDetector(Protocol):
    """Finds faces in uint8 [H, W, 3] RGB pictures; the largest face first."""

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]: ...


class HaarDetector:
    """OpenCV's cascade of boosted Haar features (Viola and Jones 2001; Lienhart and Maydt 2002), frontal faces.

    The picture is first shrunk so that the smallest wanted face just fills the cascade's window: the cascade's cost
    grows with the number of pixels, and nothing is lost for faces of the wanted size.

    Args:
        smallest_px: side of the smallest face to look for, in pixels of the picture.
        neighbors: overlapping hits that make a face.
    """

    # Its successor of 2002: fewer false hits than the older "default" cascade at the same recall.
    _CASCADE = "haarcascade_frontalface_alt2.xml"
    # A little above the cascade's window of 20 pixels, where its hits are still dense enough to count neighbours.
    _WINDOW_PX = 30
    _SCALE_STEP = 1.1

    def __init__(self, smallest_px: int, neighbors: int) -> None:
        try:
            path = Path(cv2.data.haarcascades) / self._CASCADE  # type: ignore[attr-defined]
            self._cascade = cv2.CascadeClassifier(str(path))
        except AttributeError as error:
            raise ModelError(
                f"face detector: expected OpenCV 4 with its Haar cascades, got OpenCV {cv2.__version__}. "
                "Install it with 'pip install \"opencv-python-headless<5\"'."
            ) from error
        if self._cascade.empty():
            raise ModelError(f"{path}: the face cascade cannot be loaded. Install opencv-python-headless again.")
        self._neighbors = neighbors
        self._shrink = min(1.0, self._WINDOW_PX / smallest_px)
        self._smallest = max(20, round(smallest_px * self._shrink))

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        size = (round(image.shape[1] * self._shrink), round(image.shape[0] * self._shrink))
        if min(size) < self._smallest:
            return []
        # Shrinking before the conversion touches the full picture once.
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if self._shrink < 1 else image
        grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        boxes, counts = self._cascade.detectMultiScale2(
            grey, self._SCALE_STEP, self._neighbors, minSize=(self._smallest, self._smallest)
        )
        found = [
            # The cascade gives no probability: the count of overlapping hits n becomes n / (n + neighbors),
            # 0.5 where it just suffices, rising with every further hit.
            Detection(Box(*(float(side) / self._shrink for side in box)), float(n / (n + self._neighbors)))
            for box, n in zip(boxes, np.ravel(counts), strict=True)
        ]
        return sorted(found, key=lambda detection: detection.box.width * detection.box.height, reverse=True)
