"""Face detectors by others, behind our protocol, to compare with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.perceive.detector import Detection
from edge.records import Box


class YuNet:
    """OpenCV's FaceDetectorYN (Wu et al. 2023) on pictures fitted into a square of `side` pixels."""

    def __init__(self, path: Path, side: int, least_score: float = 0.02) -> None:
        try:
            self._detector = cv2.FaceDetectorYN.create(str(path), "", (side, side), least_score, 0.3, 5000)
        except cv2.error as error:
            raise ConfigError(f"{path}: OpenCV {cv2.__version__} cannot read it: {error}") from error
        self._side = side

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        scale = self._side / max(image.shape[:2])
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        square = np.zeros((self._side, self._side, 3), np.uint8)
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        square[: size[1], : size[0]] = small[:, :, ::-1]
        _, rows = self._detector.detect(square)
        return [
            Detection(Box(*(row[:4] / scale).tolist()), float(row[14]), (row[4:14].reshape(5, 2) / scale))
            for row in (rows if rows is not None else [])
        ]


class Haar:
    """OpenCV 4's cascade of boosted Haar features (Viola and Jones 2001; Lienhart and Maydt 2002): frontal faces only.

    Raises:
        ConfigError: OpenCV 5 has no cascades.
    """

    # Its successor of 2002: fewer false hits than the older "default" cascade at the same recall.
    _CASCADE = "haarcascade_frontalface_alt2.xml"
    _SMALLEST_PX = 24
    _SCALE_STEP = 1.1
    _NEIGHBORS = 4  # overlapping hits that make a face

    def __init__(self) -> None:
        if not hasattr(cv2, "CascadeClassifier"):
            raise ConfigError(f"expected OpenCV 4 with its Haar cascades, got OpenCV {cv2.__version__}.")
        folder = cv2.data.haarcascades  # type: ignore[attr-defined]
        self._cascade = cv2.CascadeClassifier(str(Path(folder) / self._CASCADE))

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        if min(image.shape[:2]) < self._SMALLEST_PX:
            return []
        grey = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        boxes, counts = self._cascade.detectMultiScale2(
            grey, self._SCALE_STEP, self._NEIGHBORS, minSize=(self._SMALLEST_PX, self._SMALLEST_PX)
        )
        return [
            # The cascade gives no probability: the count of overlapping hits n becomes n / (n + 4), 0.5 where it just
            # suffices, rising with every further hit.
            Detection(Box(*map(float, box)), float(n / (n + self._NEIGHBORS)))
            for box, n in zip(boxes, np.ravel(counts), strict=True)
        ]
