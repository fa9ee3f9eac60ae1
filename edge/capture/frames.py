"""From a raw picture to a `Frame`: turned as the configuration says, and counted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.config import CameraConfig
from edge.records import Frame

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class FrameMaker:
    """Makes the frames of one camera; the count goes on when the camera is opened again."""

    def __init__(self, camera: CameraConfig) -> None:
        self._turn = _TURNS.get(camera.rotation_deg)
        self._mirror = camera.mirror
        self._count = 0

    def frame(self, image: NDArray[np.uint8], captured_ns: int) -> Frame:
        """`image` uint8 [H, W, 3] RGB, rotated clockwise and then mirrored left to right as configured."""
        turned = image if self._turn is None else cv2.rotate(image, self._turn)
        turned = cv2.flip(turned, 1) if self._mirror else turned
        frame = Frame(np.ascontiguousarray(turned, dtype=np.uint8), captured_ns, self._count)
        self._count += 1
        return frame
