"""A face detector by others, behind our protocol, to compare with."""

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

    def adopt(self, least_score: float | None, smallest_px: int) -> None:
        """As it was made: a peer is not configured."""

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
