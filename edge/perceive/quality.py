"""How far a face in a picture can be trusted to show an expression, and if not, why not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.records import Box

# Standard deviation of grey levels in a well-lit crop (FER2013's median is about 50); half of it still shows
# expressions, below that the trust falls.
_GOOD_CONTRAST = 25.0
# Mean grey level of a crop: between the two, trust is whole; towards black and white it falls to nothing.
_DARK, _BRIGHT = 50.0, 215.0
# Standard deviation of the Laplacian over that of the crop at the model's scale. FER2013's faces have a median of
# about 0.7; blurred by a quarter of the eyes' distance they have 0.1.
_SHARP = 0.3
# |nose between the eyes| as `turn` measures it: about the sine of the yaw over 0.75. Half-profiles still show both
# corners of the mouth.
_TURN_FREE, _TURN_LOST = 0.55, 1.0


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """`value` in [0, 1]; `worst` names what lowers it most, in words for a person."""

    value: float
    worst: str


def face_quality(
    crop: NDArray[np.uint8],
    box: Box,
    landmarks: NDArray[np.float32] | None,
    frame: tuple[int, int],
    wanted_px: int,
    hidden: float = 0.0,
) -> FaceQuality:
    """The product of what size, light, focus, the head's turn and what is hidden leave.

    Args:
        crop: uint8 [h, w] or [h, w, 3], the face at the scale of its model.
        box, landmarks: the face in pixels of the frame.
        frame: its height and width.
        wanted_px: side of the model's input; larger faces show no more to it.
        hidden: the probability that the mouth is hidden.
    """
    grey = crop if crop.ndim == 2 else crop[:, :, 1]
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(grey))
    edges = float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0])
    shares = {
        "too small": min(1.0, max(box.width, box.height) / wanted_px),
        "too dark": min(1.0, mean / _DARK),
        "too bright": min(1.0, (255.0 - mean) / (255.0 - _BRIGHT)),
        "too little contrast": min(1.0, deviation / _GOOD_CONTRAST),
        "blurred": min(1.0, edges / max(deviation, 1.0) / _SHARP),
        "cut by the edge of the picture": _visible(box, frame) ** 2,
        "mouth hidden": min(1.0, 2 * (1 - hidden)),
    }
    if landmarks is not None:
        shares["turned away"] = 1 - min(1.0, max(0.0, (turn(landmarks) - _TURN_FREE) / (_TURN_LOST - _TURN_FREE)))
    worst = min(shares, key=lambda name: shares[name])
    return FaceQuality(math.prod(shares.values()), worst)


def turn(landmarks: NDArray[np.float32]) -> float:
    """How far a head is turned to a side: 0 frontal, about 1 where the nose stands below an eye, more in profile.

    The nose's place between the eyes, along the line through them, so that a tilted head does not count as turned.

    Args:
        landmarks: float32 [5, 2]: right eye, left eye, nose, right and left corner of the mouth.
    """
    right, left, nose = landmarks[:3].tolist()
    across_x, across_y = left[0] - right[0], left[1] - right[1]
    square = across_x * across_x + across_y * across_y
    if square < 1e-6:
        return 2.0
    middle_x, middle_y = (right[0] + left[0]) / 2, (right[1] + left[1]) / 2
    along: float = ((nose[0] - middle_x) * across_x + (nose[1] - middle_y) * across_y) / square
    return abs(2 * along)


def _visible(box: Box, frame: tuple[int, int]) -> float:
    """Share of the box that lies inside the frame."""
    wide = min(box.x + box.width, frame[1]) - max(box.x, 0.0)
    high = min(box.y + box.height, frame[0]) - max(box.y, 0.0)
    return max(0.0, wide) * max(0.0, high) / max(box.width * box.height, 1e-6)
