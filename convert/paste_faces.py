"""Faces of FER2013 pasted into pictures without one: expressions that people do not show to photographers."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_MOST = 3
_LARGEST_PX = 110.0  # they have 48 pixels of their own
# The box of a face that fills a picture as FER2013's do, in shares of the side: left, top, right, bottom. YuNet's
# median on 284 of the training pictures.
_BOX = np.array([0.10, 0.02, 0.90, 1.02])
_SKIN = np.array([[0.75, 0.5, 0.4], [1.1, 0.95, 0.9]])  # red, green, blue for one of grey: between these two


def paste_faces(
    image: NDArray[np.uint8], faces: NDArray[np.uint8], rng: np.random.Generator, smallest_px: float
) -> NDArray[np.float32]:
    """Paste up to three of `faces` into `image`, beside each other, of any size from `smallest_px` on.

    Args:
        image: uint8 [H, W, 3], written to.
        faces: uint8 [N, S, S], grey, each filled by a face as FER2013's pictures are.

    Returns:
        Their boxes' corners float32 [n, 4]: left, top, right, bottom, inside the image.
    """
    corners: list[NDArray[np.float64]] = []
    shorter = min(image.shape[:2])
    largest_px = max(smallest_px + 1, min(_LARGEST_PX, 0.7 * shorter))
    for _ in range(int(rng.integers(1, _MOST + 1))):
        side = int(np.exp(rng.uniform(np.log(smallest_px), np.log(largest_px))))
        left, top = (int(rng.integers(max(1, length - side))) for length in image.shape[1::-1])
        box = np.array([left, top, left, top]) + _BOX * side
        apart = all((box[:2] >= other[2:]).any() or (other[:2] >= box[2:]).any() for other in corners)
        if side <= shorter and apart:
            _paste(image[top : top + side, left : left + side], faces[rng.integers(len(faces))], rng)
            corners.append(box)
    limits = np.tile(image.shape[1::-1], 2)
    return np.clip(np.array(corners).reshape(-1, 4), 0, limits).astype(np.float32)


def _paste(place: NDArray[np.uint8], face: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Lay the grey `face` uint8 [S, S] over `place` uint8 [s, s, 3], in the colour of some skin, corners blended."""
    side = place.shape[0]
    sized = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA if side < len(face) else cv2.INTER_LINEAR)
    coloured = sized[..., np.newaxis] * rng.uniform(*_SKIN)
    rows, columns = np.mgrid[:side, :side] / (side - 1) * 2 - 1
    seen = np.clip((1.15 - np.hypot(columns * 1.15, rows)) / 0.2, 0, 1)[..., np.newaxis]
    place[:] = np.clip(seen * coloured + (1 - seen) * place, 0, 255).astype(np.uint8)
