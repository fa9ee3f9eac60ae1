"""A converted detector beside its float original, on the same photos: `convert.gate.compare` for detections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets.photos import Photo
from convert.detection_figures import (
    FALSE_POSITIVES,
    FRONTAL,
    HALF_TURNED,
    Ranked,
    average_precision,
    ranked,
    share_of_height,
    turns,
)
from convert.gate import draws, interval, interval_in_points, points, share, side_by_side
from convert.metrics import calibration_error
from edge.perceive.detector import Detection

_LARGE, _SMALL = 0.2, 0.08  # of the picture's height


def compare_detections(
    photos: Sequence[Photo],
    exact: Sequence[Sequence[Detection]],
    found: Sequence[Sequence[Detection]],
    heights: Sequence[int],
    iou: float,
    false_positives: float,
) -> dict[str, Any]:
    """Float and converted detector side by side, for JSON; shares of 1, differences in percentage points.

    Args:
        exact, found: what the float and the converted model find in each of `photos`, `heights` pixels high.
        false_positives: each model's recalls are at the score from which it has so many of them.

    Average precision has 95 % bootstrap intervals over photos, recalls have them over faces, as `compare` draws them.
    """
    ranks = [ranked(photos, each, iou) for each in (exact, found)]
    faces_of = np.array([int((~photo.ignored).sum()) for photo in photos])
    drawn = draws(len(photos))
    sampled = np.stack([_resampled(rank, faces_of, drawn) for rank in ranks])
    right = np.stack([faces_found(rank, false_positives) for rank in ranks]).astype(np.float64)
    drop = ranks[0].average_precision() - ranks[1].average_precision()
    return {
        "figure": "ap",
        "count": int(faces_of.sum()),
        "photos": len(photos),
        "iou": iou,
        **{
            name: {
                "ap": share(rank.average_precision()),
                "interval": interval(values),
                "ece": share(calibration_error(rank.scores, rank.right)) if len(rank.scores) else None,
                **{f"recall_at_{count}": share(rank.recall_at(count)) for count in FALSE_POSITIVES},
            }
            for name, rank, values in zip(("float", "converted"), ranks, sampled, strict=True)
        },
        "drop": points(drop),
        "drop_interval": interval_in_points(sampled[0] - sampled[1]),
        "changed_decisions": share((right[0] != right[1]).mean()),
        "classes": {name: side_by_side(right[:, own]) for name, own in kinds(photos, heights).items() if own.any()},
    }


def faces_found(rank: Ranked, false_positives: float) -> NDArray[np.bool_]:
    """bool [faces]: which are found before there are so many false positives."""
    before = np.cumsum(~rank.right) <= false_positives  # not by the score: int8 gives many detections the same
    hit = np.zeros(rank.faces, bool)
    hit[rank.face[before & rank.right]] = True
    return hit


def kinds(photos: Sequence[Photo], heights: Sequence[int]) -> dict[str, NDArray[np.bool_]]:
    """Kinds of faces, each as bool [faces]: by how far the head is turned, where that is known, and by size."""
    turn = np.concatenate([turns(photo)[~photo.ignored] for photo in photos])
    size = np.concatenate(
        [share_of_height(photo, height)[~photo.ignored] for photo, height in zip(photos, heights, strict=True)]
    )
    return {
        "frontal faces": turn < FRONTAL,
        "half-turned faces": (turn >= FRONTAL) & (turn < HALF_TURNED),
        "turned faces": turn >= HALF_TURNED,
        "faces of 20 % of the height and more": size >= _LARGE,
        "faces of 8 to 20 %": (size >= _SMALL) & (size < _LARGE),
        "smaller faces": size < _SMALL,
    }


def _resampled(rank: Ranked, faces_of: NDArray[np.int64], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """The average precision of each drawing of photos."""
    result = np.zeros(len(drawn))
    for number, chosen in enumerate(drawn):
        times = np.bincount(chosen, minlength=len(faces_of))
        faces = int((times * faces_of).sum())
        result[number] = average_precision(rank.right, times[rank.photo].astype(np.float64), faces)
    return result
