"""Figures of a face detector: recall at so many false positives, average precision, landmark error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets.photos import Photo
from edge.perceive.detector import Detection
from edge.perceive.quality import turn
from edge.records import Box

#: False positives in the whole set at which recall is told.
FALSE_POSITIVES = (5, 12, 25)
# A detection mostly inside an ignored region is neither right nor wrong.
_INSIDE = 0.5
#: `turn` of a head: below the first it is frontal, below the second half-turned.
FRONTAL, HALF_TURNED = 0.35, 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """All counted detections of a set of pictures, the best first: `right` bool [N], `scores` float64 [N].

    `face` int64 [N] is the number of the face that was found, over all pictures, -1 for a false positive; `error` is
    the mean distance of its landmarks from the true ones as a share of the eyes' distance, NaN where not
    known; `photo` int64 [N] is the picture's number.
    """

    right: NDArray[np.bool_]
    scores: NDArray[np.float64]
    face: NDArray[np.int64]
    error: NDArray[np.float64]
    photo: NDArray[np.int64]
    faces: int

    def recall_at(self, false_positives: int) -> float:
        """Share of the faces found by the detections that stand before one false positive too many."""
        wrong = np.cumsum(~self.right)
        return float(self.right[wrong <= false_positives].sum() / max(1, self.faces))

    def score_at(self, false_positives: float) -> float:
        """The score from which on there are so many false positives."""
        below = np.cumsum(~self.right) > false_positives
        return float(self.scores[below.argmax()]) if below.any() else 0.0

    def average_precision(self) -> float:
        """Area under precision over recall, with precision made monotonic (Everingham et al. 2010, PASCAL VOC)."""
        return average_precision(self.right, np.ones(len(self.right)), self.faces)

    def above(self, score: float) -> Ranked:
        """Those that score at least so much."""
        kept = self.scores >= score
        return Ranked(
            self.right[kept], self.scores[kept], self.face[kept], self.error[kept], self.photo[kept], self.faces
        )


def average_precision(right: NDArray[np.bool_], times: NDArray[np.float64], faces: int) -> float:
    """As of `Ranked`, of detections that count `times` float64 [N] each, where there are `faces` in all."""
    hits = np.cumsum(right * times)
    precision = hits / np.maximum(np.cumsum(times), 1e-9)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * right * times).sum() / max(1, faces))


def ranked(photos: Sequence[Photo], found: Sequence[Sequence[Detection]], iou: float) -> Ranked:
    """Match detections to faces, the best first, each face once; what falls on an ignored place is not counted."""
    rows: list[tuple[float, bool, int, float, int]] = []
    before = 0
    for place, (photo, detections) in enumerate(zip(photos, found, strict=True)):
        wanted = np.flatnonzero(~photo.ignored)
        free = set(wanted.tolist())
        numbers = {int(index): before + rank for rank, index in enumerate(wanted)}
        before += len(wanted)
        for detection in sorted(detections, key=lambda item: -item.score):
            overlaps, inside = overlap(detection.box, photo.boxes)
            best = max(free, key=lambda index: overlaps[index], default=-1)
            if best >= 0 and overlaps[best] >= iou:
                free.remove(best)
                error = landmark_error(detection, photo.landmarks[best])
                rows.append((detection.score, True, numbers[best], error, place))
            elif not (photo.ignored & ((overlaps >= iou) | (inside >= _INSIDE))).any():
                rows.append((detection.score, False, -1, float("nan"), place))
    rows.sort(key=lambda row: (-row[0], row[1]))  # of equal scores the false one first: nothing is given away
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return Ranked(
        np.array(columns[1], bool),
        np.array(columns[0], np.float64),
        np.array(columns[2], np.int64),
        np.array(columns[3], np.float64),
        np.array(columns[4], np.int64),
        before,
    )


def landmark_error(detection: Detection, truth: NDArray[np.float32]) -> float:
    """Mean distance of the five points as a share of the true eyes' distance; NaN where either is not known."""
    if detection.landmarks is None:
        return float("nan")
    eyes = float(np.linalg.norm(truth[1] - truth[0]))
    return float(np.linalg.norm(detection.landmarks - truth, axis=1).mean()) / max(eyes, 1e-6)


def figures(
    photos: Sequence[Photo], found: Sequence[Sequence[Detection]], iou: float, threshold: float
) -> dict[str, Any]:
    """Recall at false positives, AP, and precision and recall at `threshold`, as a dict for JSON."""
    order = ranked(photos, found, iou)
    shipped = order.above(threshold)
    return {
        "pictures": len(photos),
        "faces": order.faces,
        "iou": iou,
        **{f"recall_at_{count}": round(order.recall_at(count), 4) for count in FALSE_POSITIVES},
        "ap": round(order.average_precision(), 4),
        "threshold": threshold,
        "recall_at_threshold": round(float(shipped.right.sum() / max(1, order.faces)), 4),
        "false_positives_at_threshold": int((~shipped.right).sum()),
    }


def only(photo: Photo, wanted: NDArray[np.bool_]) -> Photo:
    """The photo with all faces ignored that are not `wanted`."""
    return Photo(photo.path, photo.boxes, photo.landmarks, photo.ignored | ~wanted, photo.source)


def share_of_height(photo: Photo, height: int) -> NDArray[np.float32]:
    """float32 [N]: the faces' heights as a share of the picture's."""
    return np.asarray(photo.boxes[:, 3] / np.float32(height), np.float32)


def turns(photo: Photo) -> NDArray[np.float64]:
    """float64 [N]: `turn` of each face, NaN where the landmarks are not known."""
    return np.array([turn(points) if np.isfinite(points).all() else np.nan for points in photo.landmarks])


def overlap(box: Box, boxes: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of `box` with each of `boxes` float32 [N, 4] (left, top, width, height): IoU, and the share of it inside."""
    low = np.maximum(boxes[:, :2], (box.x, box.y))
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], (box.x + box.width, box.y + box.height))
    both = np.clip(high - low, 0, None).prod(axis=1).astype(np.float64)
    own = box.width * box.height
    return both / np.maximum(own + boxes[:, 2:].prod(axis=1) - both, 1e-9), both / max(own, 1e-9)
