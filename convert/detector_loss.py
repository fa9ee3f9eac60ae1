"""What the detector is trained for: which cells answer for which face, and how wrong each answer is.

Cells are assigned task-aligned (Feng et al. 2021, TOOD): those that score and place a face best shall answer for it.
The score learns how well its own box fits (Li et al. 2020, generalized focal loss) as far as a box can be wrong: one
that fits well enough is a face, however small and however its edges were labelled, and ranks above all that is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from convert.augment_photos import MOST_FACES
from edge.perceive.cells import CELLS_OF_A_FACE, STRIDES

_ALIGN_SCORE, _ALIGN_IOU = 0.5, 4.0
_LEAST_REACH = 0.6  # in strides: the cell at the middle of a tiny face may answer though its centre lies outside
_GOOD_IOU = 0.6  # boxes of two annotators of the same face agree no better
_BOX_WEIGHT, _LANDMARK_WEIGHT = 2.0, 1.0
_LANDMARK_KNEE = 0.02  # of a face's size: errors above count linearly
_MOST_LOG_SIZE = 5.0  # e^5 strides are larger than any picture


def _cells(height: Any, width: Any) -> tuple[Any, Any]:
    """`edge.perceive.cells.cells` for a size that only the running graph knows."""
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = ops.meshgrid(ops.arange(height // stride), ops.arange(width // stride), indexing="ij")
        grid = ops.stack([ops.reshape(columns, (-1,)), ops.reshape(rows, (-1,))], axis=1)
        centres.append((ops.cast(grid, "float32") + 0.5) * stride)
        strides.append(ops.ones_like(centres[-1][:, :1]) * stride)
    return ops.concatenate(centres), ops.concatenate(strides)


def detector_loss(size: tuple[Any, Any], faces: Any, answers: Mapping[str, Any]) -> Any:
    """The loss of a batch, a scalar.

    Args:
        size: height and width of the pictures.
        faces: [B, MOST_FACES, TARGET] as `augment_photos.target` makes them.
        answers: the detector's outputs.
    """
    centres, strides = _cells(*size)
    logits = answers["score"][..., 0]
    boxes = _corners(centres, strides, answers["box"])
    corners, kind = faces[..., :4], faces[..., 15]
    # [B, M, A] from here: faces against cells.
    overlap = _iou(corners[:, :, None], ops.stop_gradient(boxes)[:, None])
    low, high = corners[:, :, None, :2], corners[:, :, None, 2:]
    near = ops.abs(centres - (low + high) / 2) < _LEAST_REACH * strides
    within = ops.all(ops.logical_or(ops.logical_and(centres > low, centres < high), near), axis=-1)
    possible = ops.cast(within, "float32") * ops.cast(kind == 1, "float32")[..., None]
    certain = ops.stop_gradient(ops.sigmoid(logits))[:, None]
    aligned = possible * certain**_ALIGN_SCORE * ops.maximum(overlap, 1e-3) ** _ALIGN_IOU
    least = ops.top_k(aligned, CELLS_OF_A_FACE)[0][..., -1:]
    chosen = ops.logical_and(aligned >= least, aligned > 0)
    # A cell that two faces want answers for the one that it fits better.
    rivalry = ops.where(chosen, overlap + 1e-4, 0.0)
    owner = ops.argmax(rivalry, axis=1)
    owned = ops.one_hot(owner, MOST_FACES, axis=1) * ops.cast(chosen, "float32")  # [B, M, A], at most one 1 a cell
    share = aligned * owned
    relative = share / (ops.max(share, axis=-1, keepdims=True) + 1e-30)
    quality = relative * ops.minimum(ops.max(overlap * owned, axis=-1, keepdims=True) / _GOOD_IOU, 1.0)
    wanted = ops.stop_gradient(ops.max(quality, axis=1))  # [B, A]
    # Where a cell places its face is learnt however badly it does so now: that is when there is most to learn.
    placing = ops.stop_gradient(ops.max(relative, axis=1))
    places = ops.maximum(ops.sum(placing), 1.0)

    hidden = ops.any(ops.logical_and(within, (kind == 0)[..., None]), axis=1)
    counted = ops.where(ops.logical_and(hidden, wanted == 0), 0.0, 1.0)
    total = ops.maximum(ops.sum(wanted), 1.0)
    entropy = ops.binary_crossentropy(wanted, logits, from_logits=True)
    score = ops.sum(ops.abs(wanted - ops.sigmoid(logits)) ** 2 * entropy * counted) / total

    mine = ops.take_along_axis(faces, owner[..., None], axis=1)  # [B, A, TARGET]
    box = ops.sum(placing * (1 - _giou(mine[..., :4], boxes))) / places
    sides = ops.maximum(mine[..., 2:4] - mine[..., :2], 1.0)
    face_size = ops.sqrt(sides[..., :1] * sides[..., 1:])
    points = ops.tile(centres, (1, 5)) + answers["landmarks"] * strides
    error = ops.abs(points - mine[..., 4:14]) / face_size
    error = ops.where(error < _LANDMARK_KNEE, error**2 / (2 * _LANDMARK_KNEE), error - _LANDMARK_KNEE / 2)
    known = placing * ops.cast(mine[..., 14] == 1, "float32")
    landmarks = ops.sum(known * ops.mean(error, axis=-1)) / places / _LANDMARK_KNEE
    return score + _BOX_WEIGHT * box + _LANDMARK_WEIGHT * landmarks


def _corners(centres: Any, strides: Any, box: Any) -> Any:
    middle = centres + box[..., :2] * strides
    half = ops.exp(ops.clip(box[..., 2:], -_MOST_LOG_SIZE, _MOST_LOG_SIZE)) * strides / 2
    return ops.concatenate([middle - half, middle + half], axis=-1)


def _areas(one: Any, other: Any) -> tuple[Any, Any]:
    """Of the intersection and of the union."""
    sides = ops.minimum(one[..., 2:], other[..., 2:]) - ops.maximum(one[..., :2], other[..., :2])
    sides = ops.maximum(sides, 0.0)
    both = sides[..., 0] * sides[..., 1]
    first = (one[..., 2] - one[..., 0]) * (one[..., 3] - one[..., 1])
    second = (other[..., 2] - other[..., 0]) * (other[..., 3] - other[..., 1])
    return both, ops.maximum(first + second - both, 1e-6)


def _iou(one: Any, other: Any) -> Any:
    both, either = _areas(one, other)
    return both / either


def _giou(one: Any, other: Any) -> Any:
    """Generalized IoU (Rezatofighi et al. 2019): below 0 for boxes apart."""
    both, either = _areas(one, other)
    sides = ops.maximum(one[..., 2:], other[..., 2:]) - ops.minimum(one[..., :2], other[..., :2])
    hull = ops.maximum(sides[..., 0] * sides[..., 1], 1e-6)
    return both / either - (hull - either) / hull


@keras.saving.register_keras_serializable("emotion_edge")
class Detector(keras.Model):  # type: ignore[misc]  # keras is untyped
    """A functional model whose loss is the detector's."""

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
        shape = ops.shape(x)
        return detector_loss((shape[1], shape[2]), y, y_pred)
