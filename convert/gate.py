"""The gate before a release: what quantization cost, with intervals, and whether that may ship.

Everything here takes arrays, of whatever task: answers of the float and of the converted model to the same examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from convert.metrics import ece

_RESAMPLES = 1000
_SEED = 7
_INTERVAL = (2.5, 97.5)  # percentiles: 95 %
# A contract that is contradicted by chance once in a thousand models would be refused too often to be believed.
_CERTAIN = 0.001
# The best of all orders of labels was searched for, so it wins more easily.
_CERTAIN_OF_MANY = 1e-6


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest losses, in percentage points: of accuracy, and of one class's recall."""

    drop: float = 1.0
    class_drop: float = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a model must not ship: `what` in a word, `message` for people, `advice` what to try."""

    what: str
    message: str
    advice: str


def compare(
    exact: NDArray[np.float32],
    found: NDArray[np.float32],
    labels: NDArray[np.int64],
    names: Sequence[str],
) -> dict[str, Any]:
    """Float and converted model side by side, for JSON; shares of 1, differences in percentage points.

    Args:
        exact, found: probabilities float32 [N, K] of the float and of the converted model.
        labels: int64 [N], what is right.
        names: of the K classes.

    Intervals are 95 % percentile bootstrap (Efron and Tibshirani 1993) over examples, of 1000 seeded resamples; those
    of differences are paired.
    """
    right = np.stack([exact.argmax(axis=1) == labels, found.argmax(axis=1) == labels]).astype(np.float64)
    draws = np.random.default_rng(_SEED).integers(0, len(labels), (_RESAMPLES, len(labels)))
    sampled = right[:, draws].mean(axis=2)
    classes: dict[str, Any] = {}
    for index, name in enumerate(names):
        own = labels == index
        if own.any():
            classes[name] = _of_class(right[:, own])
    return {
        "count": len(labels),
        "float": {
            "accuracy": _share(right[0].mean()),
            "interval": _interval(sampled[0]),
            "ece": _share(ece(exact, labels)),
        },
        "converted": {
            "accuracy": _share(right[1].mean()),
            "interval": _interval(sampled[1]),
            "ece": _share(ece(found, labels)),
        },
        "drop": _points(right[0].mean() - right[1].mean()),
        "drop_interval": _interval(sampled[0] - sampled[1], points=True),
        "changed_decisions": _share((exact.argmax(axis=1) != found.argmax(axis=1)).mean()),
        "classes": classes,
    }


def _of_class(right: NDArray[np.float64]) -> dict[str, Any]:
    count = right.shape[1]
    draws = np.random.default_rng(_SEED).integers(0, count, (_RESAMPLES, count))
    sampled = right[:, draws].mean(axis=2)
    return {
        "count": count,
        "float": _share(right[0].mean()),
        "float_interval": _interval(sampled[0]),
        "converted": _share(right[1].mean()),
        "converted_interval": _interval(sampled[1]),
        "drop": _points(right[0].mean() - right[1].mean()),
        "drop_interval": _interval(sampled[0] - sampled[1], points=True),
    }


def losses(compared: dict[str, Any], limits: Limits, worst_layer: str, scheme: str) -> list[Finding]:
    """What `compare` found beyond `limits`. A class counts only where its loss is no chance of few examples."""
    first = f", first {worst_layer!r}, where the signal is lost" if worst_layer else ""
    kept = f"--scheme mixed, which keeps the layers that lose most in float{first}"
    ways = [kept if scheme != "mixed" else "", "--scheme int16x8" if scheme.startswith("int8") else ""]
    ways += ["more calibration data (--calibration-count)", "--finetune 1 (Keras models)"]
    advice = "Try, in this order: " + "; ".join(way for way in ways if way) + "."
    findings = []
    if compared["drop"] > limits.drop:
        low, high = compared["drop_interval"]
        findings.append(
            Finding(
                "accuracy",
                f"accuracy falls by {compared['drop']:.2f} points (95 %: {low:.2f} to {high:.2f}), more than "
                f"{limits.drop:g}.",
                advice,
            )
        )
    for name, values in compared["classes"].items():
        if values["drop"] > limits.class_drop and values["drop_interval"][0] > 0:
            findings.append(
                Finding(
                    "class",
                    f"the recall of {name} falls by {values['drop']:.2f} points (95 %: "
                    f"{values['drop_interval'][0]:.2f} to {values['drop_interval'][1]:.2f}, {values['count']} "
                    f"examples), more than {limits.class_drop:g}.",
                    advice,
                )
            )
    return findings


def better_labels(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], names: Sequence[str]
) -> dict[str, str] | None:
    """The order of labels that the answers themselves speak for, where that is certainly another; else None.

    The one-to-one assignment of outputs to labels with the most right answers (Kuhn 1955) against the declared one, by
    an exact McNemar test over the examples.

    Returns:
        declared name -> name that it seems to be, for those that differ.
    """
    said = probabilities.argmax(axis=1)
    table = np.zeros((len(names), len(names)), np.int64)
    np.add.at(table, (said, labels), 1)
    rows, columns = linear_sum_assignment(-table)
    other = np.empty(len(names), np.int64)
    other[rows] = columns
    if not _better(other[said] == labels, said == labels, _CERTAIN_OF_MANY):
        return None
    return {names[row]: names[other[row]] for row in range(len(names)) if other[row] != row}


def certainly_better(one: NDArray[np.float32], other: NDArray[np.float32], labels: NDArray[np.int64]) -> bool:
    """Whether the answers `one` are right more often than `other`, beyond doubt."""
    return _better(one.argmax(axis=1) == labels, other.argmax(axis=1) == labels)


def _better(one: NDArray[np.bool_], other: NDArray[np.bool_], certain: float = _CERTAIN) -> bool:
    won, lost = int((one & ~other).sum()), int((other & ~one).sum())
    return won > lost and float(binomtest(won, won + lost, alternative="greater").pvalue) < certain


def better_than_chance(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> bool:
    """Whether the answers are right more often than always saying the commonest label, or as often as that."""
    right = int((probabilities.argmax(axis=1) == labels).sum())
    commonest = float(np.bincount(labels).max() / len(labels))
    return float(binomtest(right, len(labels), commonest, alternative="less").pvalue) > _CERTAIN


def as_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [asdict(finding) for finding in findings]


def _share(value: float) -> float:
    return round(float(value), 4)


def _points(value: float) -> float:
    return round(100 * float(value), 2)


def _interval(values: NDArray[np.float64], points: bool = False) -> list[float]:
    low, high = np.percentile(values, _INTERVAL)
    return [_points(low), _points(high)] if points else [_share(low), _share(high)]
