"""What the cells of a detector's grids answer, and how the answers for one face become one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: Pixels of the model's input between two cells of a level.
STRIDES = (8, 16, 32)
#: Numbers that each output of the model has for a cell.
SCORE, BOX, LANDMARKS = 1, 4, 10
#: What a package's outputs lie above what they mean, by their numbers for a cell: they are cut to 0..6, so that int8 is
#: spent on scores of 0.08 to 0.97, boxes of 0.05 to 20 cells and landmarks up to 6 cells from their cell.
OFFSETS = {SCORE: 2.5, BOX: 3.0, LANDMARKS: 3.0}
#: Cells that a unit of a landmark's answer stands for, in packages that are made now (``landmark_unit``); where a
#: package does not say, it is 1, with which the landmarks of a face that fills the picture were cut off.
LANDMARK_UNIT = 2.0
#: Cells that training lets answer for a face. What only a few of them take for one rarely is.
CELLS_OF_A_FACE = 9
# Cells whose boxes overlap more than this answer for the same face, each a little differently.
_SAME_ANSWER_IOU = 0.6
# Share of the best one's score below which a cell is not asked where landmarks are: small cells cannot reach those of a
# large face.
_SURE_ENOUGH = 0.5
_OWN_SHARE = 0.5  # of a face's score; the rest is the mean of the cells that answer for it
# Candidates that are compared with each other; a picture with more of them shows noise, not faces.
_MOST_CANDIDATES = 300


def cells(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centres float32 [A, 2] (x, y) and strides float32 [A, 1], in pixels, of the cells of an input of this size.

    Level by level from the finest, row by row; a level has a cell for every whole or begun stride.
    """
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: -(-height // stride), : -(-width // stride)]
        centres.append((np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5) * stride)
        strides.append(np.full((rows.size, 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode_boxes(
    box: NDArray[np.float32], centres: NDArray[np.float32], strides: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Corners float32 [N, 4] (left, top, right, bottom): an offset and a logarithm of the size, in strides."""
    middle = centres + box[:, :2] * strides
    half = np.exp(box[:, 2:]) * strides / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def decode_landmarks(
    landmarks: NDArray[np.float32], centres: NDArray[np.float32], strides: NDArray[np.float32]
) -> NDArray[np.float32]:
    """float32 [N, 5, 2]: offsets in strides from the cell's centre."""
    return centres[:, np.newaxis] + landmarks.reshape(-1, 5, 2) * strides[:, np.newaxis]


def suppressed(corners: NDArray[np.float32], scores: NDArray[np.float32], most_iou: float) -> NDArray[np.int64]:
    """Indices that greedy non-maximum suppression keeps of corners float32 [N, 4], the best first.

    Args:
        scores: float32 [N], above 0.
    """
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), 0.0, most_iou, top_k=_MOST_CANDIDATES)
    return np.asarray(kept, np.int64).ravel()


def same_face(corners: NDArray[np.float32], kept: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool [K, N]: which of N candidates answer for the same face as each of the K kept ones, itself included.

    Args:
        corners: of all candidates, float32 [N, 4].
    """
    left, top, right, bottom = corners.T
    wide = np.minimum(right[kept, np.newaxis], right) - np.maximum(left[kept, np.newaxis], left)
    high = np.minimum(bottom[kept, np.newaxis], bottom) - np.maximum(top[kept, np.newaxis], top)
    both = np.maximum(wide, 0) * np.maximum(high, 0)
    areas = (right - left) * (bottom - top)
    return np.asarray(both >= np.float32(_SAME_ANSWER_IOU) * (areas[kept, np.newaxis] + areas - both))


def agreement(logits: NDArray[np.float32], same: NDArray[np.bool_], kept: NDArray[np.int64]) -> NDArray[np.float32]:
    """The kept ones' score logits, float32 [K]: half its own, half the mean of the nine surest for the same face.

    Where fewer answer, the others count as if they said as little as a package's outputs can.

    Args:
        logits: of all N candidates, float32 [N].
        same: what `same_face` says.
    """
    least = -OFFSETS[SCORE]
    surest = np.sort(np.where(same, logits, np.float32(least)), axis=1)[:, -CELLS_OF_A_FACE:]
    missing = CELLS_OF_A_FACE - surest.shape[1]
    mean = (surest.sum(axis=1) + least * missing) / CELLS_OF_A_FACE
    return np.asarray(_OWN_SHARE * logits[kept] + (1 - _OWN_SHARE) * mean, np.float32)


def blending(scores: NDArray[np.float32], same: NDArray[np.bool_], kept: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weights float32 [K, N] that sum to 1 of N candidates' landmarks in those of the K kept ones.

    By score, as BlazeFace does (Bazarevsky et al. 2019): each cell errs in another direction.

    Args:
        scores: of all candidates, float32 [N].
        same: what `same_face` says.
    """
    asked = same & (scores >= np.float32(_SURE_ENOUGH) * scores[kept, np.newaxis])
    weights = np.where(asked, scores, np.float32(0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
