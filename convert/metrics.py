"""Figures of a classifier, from calibrated probabilities and true labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.records import EMOTIONS

_BINS = 15  # usual since Guo et al. 2017


def figures(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], names: Sequence[str] = EMOTIONS
) -> dict[str, Any]:
    """Accuracy, UAR, macro-F1, recall of each emotion, ECE (all shares of 1) and the confusion matrix.

    Args:
        probabilities: float32 [N, K] over `names`, N >= 1.
        labels: int64 [N], indices of `names`.

    Returns:
        A dict for JSON; `confusion` has a row for each true emotion. An emotion without an example is left out of
        the means, and its recall is None.
    """
    matrix = confusion(probabilities.argmax(axis=1), labels, len(names))
    hits, true, said = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    there = true > 0
    recall = hits[there] / true[there]
    f1 = 2 * hits[there] / (true[there] + said[there])
    shares = dict(zip(np.array(names)[there].tolist(), recall, strict=True))
    return {
        "count": len(labels),
        "accuracy": _rounded(hits.sum() / len(labels)),
        "uar": _rounded(recall.mean()),
        "macro_f1": _rounded(f1.mean()),
        "ece": _rounded(ece(probabilities, labels)),
        "recall": {name: _rounded(shares[name]) if name in shares else None for name in names},
        "confusion": matrix.tolist(),
    }


def details(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], names: Sequence[str] = EMOTIONS
) -> dict[str, Any]:
    """`figures`, and precision and F1 of each emotion, the reliability diagram's bins and accuracy over coverage."""
    matrix = confusion(probabilities.argmax(axis=1), labels, len(names))
    hits, true, said = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    return {
        **figures(probabilities, labels, names),
        "precision": {name: _share(hits[index], said[index]) for index, name in enumerate(names)},
        "f1": {name: _share(2 * hits[index], true[index] + said[index]) for index, name in enumerate(names)},
        "reliability": reliability(probabilities, labels),
        "coverage": coverage(probabilities, labels),
    }


def reliability(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[dict[str, Any]]:
    """For each of 15 equal bins of confidence: from, to, count, mean confidence and accuracy (None where empty)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    rows = []
    for index in range(_BINS):
        inside = bins == index
        count = int(inside.sum())
        rows.append(
            {
                "from": round(index / _BINS, 4),
                "to": round((index + 1) / _BINS, 4),
                "count": count,
                "confidence": _share(confidence[inside].sum(), count),
                "accuracy": _share(right[inside].sum(), count),
            }
        )
    return rows


def coverage(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[dict[str, float]]:
    """Accuracy on the share of examples that the model is most sure of (selective classification, El-Yaniv 2010).

    Each row: coverage, accuracy, and the least confidence that is still answered.
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = (probabilities.argmax(axis=1) == labels)[order]
    rows = []
    for tenth in range(1, 11):
        taken = max(1, len(labels) * tenth // 10)
        rows.append(
            {
                "coverage": tenth / 10,
                "accuracy": _rounded(right[:taken].mean()),
                "confidence": _rounded(confidence[order[taken - 1]]),
            }
        )
    return rows


def confusion(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int = len(EMOTIONS)
) -> NDArray[np.int64]:
    """int64 [classes, classes]: row true, column predicted."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix


def uar(predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int = len(EMOTIONS)) -> float:
    """Unweighted average recall: the mean over the classes that have an example."""
    matrix = confusion(predicted, labels, classes)
    true = matrix.sum(axis=1)
    return float((matrix.diagonal()[true > 0] / true[true > 0]).mean())


def ece(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Expected calibration error (Naeini et al. 2015): mean gap of confidence and accuracy over 15 equal bins."""
    return calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)


def calibration_error(confidence: NDArray[Any], right: NDArray[np.bool_]) -> float:
    """`ece` of answers that are `right` or not, each with its confidence in 0..1; at least one."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.zeros(_BINS)
    np.add.at(gaps, bins, right - confidence.astype(np.float64))
    return float(np.abs(gaps).sum() / len(right))


def _share(part: float, whole: float) -> float | None:
    return _rounded(part / whole) if whole else None


def _rounded(value: float) -> float:
    return round(float(value), 4)
