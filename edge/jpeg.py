"""A picture as JPEG, in memory."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def jpeg(image: NDArray[np.uint8], width_px: int | None = None) -> bytes:
    """uint8 [H, W, 3] RGB as JPEG, shrunk to at most `width_px` if given."""
    if width_px and image.shape[1] > width_px:
        height = max(1, round(image.shape[0] * width_px / image.shape[1]))
        image = np.asarray(cv2.resize(image, (width_px, height), interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise ValueError(f"a picture of {image.shape[1]}x{image.shape[0]} pixels cannot be written as JPEG")
    return bytes(data)
