"""OpenCV 4's own face detector: no package, frontal faces only, no landmarks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.perceive.detector import Detection
from edge.records import Box

#: The name in the configuration.
NAME = "haar"


class HaarDetector:
    """A cascade of boosted Haar features (Viola and Jones 2001; Lienhart and Maydt 2002).

    The picture is first shrunk so that the smallest wanted face just fills the cascade's window: the cascade's cost
    grows with the number of pixels, and nothing is lost for faces of the wanted size.

    Args:
        least_score: n of n + 4, where n is the count of overlapping hits; None: 0.5.
        smallest_px: side of the smallest face to look for, in pixels of the picture.
    """

    # Its successor of 2002: fewer false hits than the older "default" cascade at the same recall.
    _CASCADE = "haarcascade_frontalface_alt2.xml"
    # A little above the cascade's window of 20 pixels, where its hits are still dense enough to count neighbours.
    _WINDOW_PX = 30
    _SCALE_STEP = 1.1
    _NEIGHBORS = 4  # overlapping hits that make a face

    def __init__(self, least_score: float | None = None, smallest_px: int = 60) -> None:
        try:
            path = Path(cv2.data.haarcascades) / self._CASCADE  # type: ignore[attr-defined]
            self._cascade = cv2.CascadeClassifier(str(path))
        except AttributeError as error:
            raise ModelError(
                f"face detector: expected OpenCV 4 with its Haar cascades, got OpenCV {cv2.__version__}. Install it "
                "with 'pip install \"opencv-python-headless<5\"', or name a package in [face] detector."
            ) from error
        if self._cascade.empty():
            raise ModelError(f"{path}: the face cascade cannot be loaded. Install opencv-python-headless again.")
        self.adopt(least_score, smallest_px)

    def adopt(self, least_score: float | None, smallest_px: int) -> None:
        """Find by these from the next picture on."""
        self._least_score = least_score or 0.5
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
            grey, self._SCALE_STEP, self._NEIGHBORS, minSize=(self._smallest, self._smallest)
        )
        found = [
            # The cascade gives no probability: the count of overlapping hits n becomes n / (n + 4), 0.5 where it just
            # suffices, rising with every further hit.
            Detection(Box(*(float(side) / self._shrink for side in box)), float(n / (n + self._NEIGHBORS)))
            for box, n in zip(boxes, np.ravel(counts), strict=True)
        ]
        found = [detection for detection in found if detection.score >= self._least_score]
        return sorted(found, key=lambda detection: detection.box.width * detection.box.height, reverse=True)
