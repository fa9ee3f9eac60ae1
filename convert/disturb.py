"""What a home or a car does to a picture of a face, each as one fixed and repeatable change, to measure robustness."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_SIDE = 48  # pixels of a face that the amounts below are meant for


def _blur(image: Image, rng: np.random.Generator) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5 * image.shape[0] / _SIDE), np.uint8)


def _low_light(image: Image, rng: np.random.Generator) -> Image:
    return np.asarray(np.clip(np.rint(0.2 * image + rng.normal(0, 5, image.shape)), 0, 255), np.uint8)


def _rotation(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    degrees = float(rng.choice([-25, 25]))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _occlusion(image: Image, rng: np.random.Generator) -> Image:
    hidden: Image = image.copy()
    side = int(0.4 * image.shape[0])
    top, left = rng.integers(0, image.shape[0] - side + 1), rng.integers(0, image.shape[1] - side + 1)
    hidden[top : top + side, left : left + side] = 0
    return hidden


def _jpeg(image: Image, rng: np.random.Generator) -> Image:
    _, stored = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 15])
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_UNCHANGED), np.uint8)


def _small(image: Image, rng: np.random.Generator) -> Image:
    small = cv2.resize(image, (24, 24), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


DISTURBANCES: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "blur of 1.5 pixels": _blur,
    "a fifth of the light, noise of 5 grey levels": _low_light,
    "turned by 25 degrees": _rotation,
    "a square of 40 % of the side hidden": _occlusion,
    "JPEG of quality 15": _jpeg,
    "24 pixels wide": _small,
}


def disturbed(images: Image, name: str, seed: int = 7) -> Image:
    """`images` uint8 [N, S, S] or [N, S, S, 3], each changed in the way `name` of DISTURBANCES."""
    rng = np.random.default_rng(seed)
    return np.stack([DISTURBANCES[name](image, rng) for image in images])
