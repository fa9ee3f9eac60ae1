"""Whether something hides a mouth: a mask, a scarf, a cup."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

# Logistic regression on 3,031 coloured faces of the training photos, of sources that show masks against those that do
# not: lips are redder than cheeks, skin beside the mouth has the cheeks' colour, an open mouth has edges.
_REDNESS, _OTHER_COLOUR, _EDGES, _BIAS = -0.089, 0.1135, -2.4266, 1.457
_PATCH = 0.14  # of the eyes' distance: half the side of a patch of skin
_MOUTH = 0.27
_MOUTH_PX = 12  # to which the mouth is brought, so that its edges do not depend on the picture's size
_LEAST_PX = 12.0  # between the eyes; smaller faces were not measured
_LEAST_CHROMA = 4.0  # of the cheeks; below it the camera shows no colours
_NOISE = 5.0  # grey levels of contrast that say nothing

_Point = tuple[float, float]


def hidden_mouth(image: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> float:
    """The probability that a mouth is hidden; 0 where the face is too small to tell, or the picture without colours.

    Skin against what is not skin, relative to the face's own cheeks: a hand before the mouth is not seen.

    Args:
        image: uint8 [H, W, 3] RGB.
        landmarks: float32 [5, 2] in its pixels: right eye, left eye, nose, right and left corner of the mouth.
    """
    right, left, nose, corner, other = ((float(x), float(y)) for x, y in landmarks.tolist())
    middle = _between(corner, other, 0.5)
    # The longer of the two axes: from the side the eyes are close together.
    size = max(math.dist(right, left), math.dist(_between(right, left, 0.5), middle))
    if size < _LEAST_PX:
        return 0.0
    reach = _PATCH * size
    cheek = _mean(_chroma(image, _cheek(right, left, nose), reach), _chroma(image, _cheek(left, right, nose), reach))
    if math.hypot(*cheek) < _LEAST_CHROMA:
        return 0.0
    lips = _chroma(image, middle, reach)
    beside = _mean(
        _chroma(image, _between(corner, right, 0.1), reach), _chroma(image, _between(other, left, 0.1), reach)
    )
    green = _patch(image, middle, _MOUTH * size)[:, :, 1]
    mouth = cv2.resize(green, (_MOUTH_PX, _MOUTH_PX), interpolation=cv2.INTER_AREA)
    edges = cv2.norm(cv2.Sobel(mouth, cv2.CV_16S, 0, 1), cv2.NORM_L1) / mouth.size
    low, high = landmarks.min(axis=0) - 0.3 * size, landmarks.max(axis=0) + 0.3 * size
    whole = _part(image, float(low[0]), float(low[1]), float(high[0]), float(high[1]))[:, :, 1]
    contrast = float(cv2.meanStdDev(whole)[1][0, 0])
    logit = (
        _BIAS
        + _REDNESS * (lips[0] - cheek[0])
        + _OTHER_COLOUR * math.dist(beside, cheek)
        + _EDGES * edges / (contrast + _NOISE)
    )
    return 1 / (1 + math.exp(-logit))


def _cheek(eye: _Point, other: _Point, nose: _Point) -> _Point:
    """Below an eye and beside the nose, a little outwards."""
    x, y = _between(eye, nose, 0.45)
    return x + 0.1 * (eye[0] - other[0]), y + 0.1 * (eye[1] - other[1])


def _between(one: _Point, other: _Point, share: float) -> _Point:
    return one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])


def _mean(one: _Point, other: _Point) -> _Point:
    return _between(one, other, 0.5)


def _chroma(image: NDArray[np.uint8], at: _Point, reach: float) -> _Point:
    """Mean Cr and Cb (ITU-R BT.601, around 0) of a patch."""
    red, green, blue, _ = cv2.mean(_patch(image, at, reach))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return 0.713 * (red - luma), 0.564 * (blue - luma)


def _patch(image: NDArray[np.uint8], at: _Point, reach: float) -> NDArray[np.uint8]:
    return _part(image, at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach)


def _part(image: NDArray[np.uint8], left: float, top: float, right: float, bottom: float) -> NDArray[np.uint8]:
    """What of a rectangle lies inside the picture, at least its nearest pixel."""
    height, width = image.shape[:2]
    column, row = min(max(int(left), 0), width - 1), min(max(int(top), 0), height - 1)
    return image[row : max(row, min(int(bottom), height - 1)) + 1, column : max(column, min(int(right), width - 1)) + 1]
