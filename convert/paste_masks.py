"""Masks drawn on faces: more kinds of them than photos show, on people of whom the detector knows the landmarks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_LEAST_PX = 14.0  # between the eyes; a mask on a smaller face is a patch of colour, which occlusion brings anyway
#: Where a mask's edge runs: shares of the way from the right eye to the left one, and from the eyes to the mouth, from
#: the middle between the eyes. Bridge of the nose, along the left cheek to the chin, and back on the right.
_SIDE = ((0.45, 0.55), (0.92, 0.5), (0.86, 1.15), (0.5, 1.68))
_EDGE = np.array([(0, 0.38), *_SIDE, (0, 1.85), *((-across, down) for across, down in reversed(_SIDE))])


def draw_mask(image: NDArray[np.uint8], landmarks: NDArray[np.float32], rng: np.random.Generator) -> bool:
    """Draw a mask of a random colour over nose, mouth and chin of one face.

    Args:
        image: uint8 [H, W, 3], drawn on.
        landmarks: float32 [5, 2]: right eye, left eye, nose, right and left corner of the mouth.

    Returns:
        Whether there is one now: not where the face is too small, or landmarks are not known.
    """
    if not np.isfinite(landmarks).all():
        return False
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    down = mouth - eyes
    # From the side the eyes are close together: a head is as wide as the way from the eyes to the mouth tells.
    across = landmarks[1] - landmarks[0]
    if max(np.linalg.norm(across), np.linalg.norm(down)) < _LEAST_PX:
        return False
    # The nose leads where a head is turned, and the mask's bridge and middle with it.
    lead = landmarks[2] - (eyes + 0.6 * down)
    edge = _EDGE * rng.uniform(0.92, 1.08, _EDGE.shape)
    points = eyes + edge[:, :1] * across + edge[:, 1:] * down + (1 - np.abs(edge[:, :1])) * lead
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.maximum(points.max(axis=0).astype(int) + 2, 0)
    part = image[low[1] : high[1], low[0] : high[0]]
    if 0 in part.shape:
        return False
    shape = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(shape, [np.round(points - low).astype(np.int32)], 255, cv2.LINE_AA)
    cloth = _cloth(part.shape[:2], rng)
    if rng.random() < 0.6:  # what light falls on the face falls on the mask as well
        cloth *= np.clip(cv2.GaussianBlur(part, (0, 0), max(1.0, part.shape[0] / 12)) / max(1.0, part.mean()), 0.5, 1.5)
    cover = (shape / 255.0)[:, :, np.newaxis]
    part[:] = np.clip(part * (1 - cover) + cloth * cover, 0, 255).astype(np.uint8)
    return True


def _cloth(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """float64 [h, w, 3]: white, black, pale blue or any colour, shaded from top to bottom, often with folds."""
    kind = rng.random()
    if kind < 0.35:
        colour = rng.uniform(190, 250) * np.ones(3)
    elif kind < 0.6:
        colour = rng.uniform(15, 60) * np.ones(3)
    elif kind < 0.8:
        colour = np.array([150, 195, 225]) * rng.uniform(0.75, 1.1)
    else:
        colour = rng.uniform(20, 235, 3)
    rows = np.linspace(-1, 1, shape[0])[:, np.newaxis]
    columns = np.linspace(-1, 1, shape[1])[np.newaxis]
    shade = 1 + rng.uniform(-0.15, 0.15) * rows + rng.uniform(-0.15, 0.15) * columns - 0.12 * columns**2
    if rng.random() < 0.4:
        shade = shade + 0.05 * np.sin(rows * rng.uniform(6, 12))
    return np.asarray(colour * shade[:, :, np.newaxis] + rng.normal(0, 3, (*shape, 1)))
