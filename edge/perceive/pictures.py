"""From pictures to the tensors that models read: pure functions, shared by training and the device.

What they do for given parameters must never change, but for a few grey levels in how pictures are scaled
(tests/perceive/test_pictures.py says how many), so that a model package trained before keeps meaning the same.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.perceive.inputs import DetectorInput, FaceInput
from edge.records import Box

# Turning costs a second interpolation: not for less than this. More than the other is no tilted head but a profile,
# whose eyes lie one upon the other.
_LEVEL_DEGREES, _MOST_DEGREES = 3.0, 60.0
_TURNED_REACH = 1.42  # a square turned by 45 degrees


def crop_face(image: NDArray[np.uint8], box: Box, margin: float) -> NDArray[np.uint8]:
    """Cut a square around `box` out of `image`, repeating the border where it reaches outside.

    Args:
        image: uint8 [H, W, 3] or [H, W].
        box: the face, in pixels of `image`; its longer side (plus `margin` of it on each side) is the square's.

    Returns:
        uint8 [S, S, 3] or [S, S], S >= 1; a view of `image` where the square lies inside it.
    """
    side = max(1, round(max(box.width, box.height) * (1 + 2 * margin)))
    left = round(box.x + box.width / 2 - side / 2)
    top = round(box.y + box.height / 2 - side / 2)
    height, width = image.shape[:2]
    inside = image[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if inside.shape[0] == side and inside.shape[1] == side:
        return inside
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return np.asarray(image[np.ix_(rows, columns)])


def align_face(
    image: NDArray[np.uint8], box: Box, landmarks: NDArray[np.float32], spec: FaceInput
) -> NDArray[np.uint8]:
    """Like `crop_face` with `spec.crop_margin`, turned around the box's middle until the eyes lie level.

    Args:
        landmarks: float32 [5, 2] in pixels of `image`; the first two are the person's right and left eye.

    Returns:
        uint8 [spec.height, spec.width, 3] or [spec.height, spec.width].
    """
    across, down = (float(value) for value in landmarks[1] - landmarks[0])
    degrees = math.degrees(math.atan2(down, across))
    margin = spec.crop_margin
    if abs(degrees) < _LEVEL_DEGREES or abs(degrees) > _MOST_DEGREES:
        crop = crop_face(image, box, margin)
        return _resized(crop, spec.width, spec.height)
    # The square that holds the turned one, already at the model's scale: what is turned is small.
    reach = _TURNED_REACH * (1 + 2 * margin)
    crop = crop_face(image, box, (reach - 1) / 2)
    wide, high = round(_TURNED_REACH * spec.width), round(_TURNED_REACH * spec.height)
    crop = _resized(crop, wide, high)
    matrix = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), degrees, 1.0)
    matrix[0, 2] -= (wide - spec.width) / 2
    matrix[1, 2] -= (high - spec.height) / 2
    return np.asarray(
        cv2.warpAffine(crop, matrix, (spec.width, spec.height), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _resized(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """In steps that OpenCV is quick at: halved while it can be, interpolated to twice the size, halved. At averaging
    over fractions of pixels it takes three times as long, for pixels that differ by 0.4 levels on average."""
    while _halves(picture, width, height):
        picture = _half(picture)
    if picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width:
        picture = _scaled(picture, 2 * width, 2 * height, cv2.INTER_LINEAR)
    # INTER_AREA averages when shrinking (no aliasing); it is no good for enlarging.
    shrinking = picture.shape[0] >= height and picture.shape[1] >= width
    return _scaled(picture, width, height, cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)


def _halves(picture: NDArray[np.uint8], width: int, height: int) -> bool:
    """Whether half of it is still twice as large."""
    return bool(picture.shape[0] >= 4 * height and picture.shape[1] >= 4 * width)


def _half(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = picture.shape[0] // 2, picture.shape[1] // 2
    return _scaled(picture[: 2 * rows, : 2 * columns], columns, rows, cv2.INTER_AREA)


def _scaled(picture: NDArray[np.uint8], width: int, height: int, interpolation: int) -> NDArray[np.uint8]:
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=interpolation), np.uint8)


def face_picture(crop: NDArray[np.uint8], width: int, height: int, channels: int) -> NDArray[np.uint8]:
    """uint8 [h, w, 3] RGB or [h, w] grey -> uint8 [height, width] for 1 channel, [height, width, 3] for 3."""
    if channels == 1 and crop.ndim == 3:
        # Grey as soon as that is not much work.
        crop = _half(crop) if _halves(crop, width, height) else crop
        crop = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    crop = _resized(crop, width, height)
    if channels == 3 and crop.ndim == 2:
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB), np.uint8)
    return crop


def face_tensor(crop: NDArray[np.uint8], spec: FaceInput, levels: NDArray[Any] | None = None) -> NDArray[Any]:
    """Scale a face crop to the model's input.

    Args:
        crop: uint8 [h, w, 3] RGB or [h, w] grey, h and w >= 1.
        levels: `face_levels(spec)` in a model's own number type.

    Returns:
        [H, W, C] of the values in `levels`; without them float32 in `spec.low`..`spec.high`, then standardised by
        `spec.mean` and `spec.std`.
    """
    picture = face_picture(crop, spec.width, spec.height, spec.channels)
    if spec.order == "bgr" and spec.channels == 3:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8)
    return cv2.LUT(picture, face_levels(spec) if levels is None else levels).reshape(spec.shape)


@lru_cache(maxsize=8)
def face_levels(spec: FaceInput) -> NDArray[np.float32]:
    """What each level 0..255 of each of the model's channels becomes: float32 [1, 256, C]."""
    levels = np.arange(256, dtype=np.float32) * np.float32((spec.high - spec.low) / 255) + np.float32(spec.low)
    channels = np.repeat(levels[np.newaxis, :, np.newaxis], spec.channels, axis=2)
    if spec.mean:
        channels = channels - np.asarray(spec.mean, np.float32)
    if spec.std:
        channels = channels / np.asarray(spec.std, np.float32)
    return np.asarray(channels, np.float32)


def picture_tensor(picture: NDArray[np.uint8], spec: DetectorInput) -> NDArray[np.float32]:
    """uint8 [..., C] -> float32 [..., C] in `spec.low`..`spec.high`."""
    return np.asarray(picture * np.float32((spec.high - spec.low) / 255) + np.float32(spec.low), np.float32)
