"""Random changes to face crops that a camera in a home would cause too."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_ROTATE_DEGREES = 15.0
_SCALE = 0.15  # detector boxes differ from the data set's crops by about this
_SHIFT = 0.08  # share of the side
_CONTRAST = 0.3
_BRIGHTNESS = 25.0  # grey levels
_ERASE_PROBABILITY = 0.3
_ERASE = (0.15, 0.4)  # side of the erased rectangle, share of the side: a hand, a microphone, hair


def augment_face(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Flip, turn, scale, shift, change contrast and brightness, and hide a part, each at random.

    Args:
        image: uint8 [H, W].

    Returns:
        uint8 [H, W], a new array.
    """
    height, width = image.shape
    centre = (width - 1) / 2, (height - 1) / 2
    degrees, scale = rng.uniform(-_ROTATE_DEGREES, _ROTATE_DEGREES), rng.uniform(1 - _SCALE, 1 + _SCALE)
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, degrees, scale), np.float64)
    matrix[:, 2] += rng.uniform(-_SHIFT, _SHIFT, 2) * (width, height)
    if rng.random() < 0.5:
        matrix[0] *= -1
        matrix[0, 2] += width - 1
    changed = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    mean = changed.mean()
    changed = (changed - mean) * rng.uniform(1 - _CONTRAST, 1 + _CONTRAST) + mean
    changed += rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    if rng.random() < _ERASE_PROBABILITY:
        sides = rng.uniform(*_ERASE, 2) * (height, width)
        top, left = (int(value) for value in rng.uniform(0, (height, width) - sides))
        changed[top : top + int(sides[0]), left : left + int(sides[1])] = rng.uniform(0, 255)
    return np.asarray(np.clip(np.rint(changed), 0, 255), np.uint8)
