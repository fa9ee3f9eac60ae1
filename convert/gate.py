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
#: What a comparison looks at first, in words.
FIGURES = {"accuracy": "accuracy", "ap": "average precision"}


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
    sampled = right[:, draws(len(labels))].mean(axis=2)
    classes: dict[str, Any] = {}
    for index, name in enumerate(names):
        own = labels == index
        if own.any():
            classes[name] = side_by_side(right[:, own])
    return {
        "figure": "accuracy",
        "count": len(labels),
        "float": {
            "accuracy": share(right[0].mean()),
            "interval": interval(sampled[0]),
            "ece": share(ece(exact, labels)),
        },
        "converted": {
            "accuracy": share(right[1].mean()),
            "interval": interval(sampled[1]),
            "ece": share(ece(found, labels)),
        },
        "drop": points(right[0].mean() - right[1].mean()),
        "drop_interval": interval_in_points(sampled[0] - sampled[1]),
        "changed_decisions": share((exact.argmax(axis=1) != found.argmax(axis=1)).mean()),
        "classes": classes,
    }


def draws(count: int) -> NDArray[np.int64]:
    """The examples of each bootstrap resample: int64 [1000, count], the same for the same count."""
    return np.random.default_rng(_SEED).integers(0, count, (_RESAMPLES, count))


def side_by_side(right: NDArray[np.float64]) -> dict[str, Any]:
    """How often the float (row 0) and the converted model are right, of float64 [2, N], with intervals."""
    sampled = right[:, draws(right.shape[1])].mean(axis=2)
    return {
        "count": right.shape[1],
        "float": share(right[0].mean()),
        "float_interval": interval(sampled[0]),
        "converted": share(right[1].mean()),
        "converted_interval": interval(sampled[1]),
        "drop": points(right[0].mean() - right[1].mean()),
        "drop_interval": interval_in_points(sampled[0] - sampled[1]),
    }


def losses(compared: dict[str, Any], limits: Limits, worst_layer: str, scheme: str) -> list[Finding]:
    """What `compare` found beyond `limits`. A class counts only where its loss is no chance of few examples."""
    first = f", first {worst_layer!r}, where the signal is lost" if worst_layer else ""
    kept = f"--scheme mixed, which keeps the layers that lose most in float{first}"
    ways = [kept if scheme != "mixed" else "", "--scheme int16x8" if scheme.startswith("int8") else ""]
    ways.append("more calibration data (--calibration-count)")
    ways.append("--finetune 3 (Keras models)" if compared["figure"] == "accuracy" else "")
    advice = "Try, in this order: " + "; ".join(way for way in ways if way) + "."
    findings = []
    if compared["drop"] > limits.drop:
        low, high = compared["drop_interval"]
        findings.append(
            Finding(
                compared["figure"],
                f"{FIGURES[compared['figure']]} falls by {compared['drop']:.2f} points (95 %: {low:.2f} to "
                f"{high:.2f}), more than {limits.drop:g}.",
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
    if not more_often(other[said] == labels, said == labels, _CERTAIN_OF_MANY):
        return None
    return {names[row]: names[other[row]] for row in range(len(names)) if other[row] != row}


def certainly_better(one: NDArray[np.float32], other: NDArray[np.float32], labels: NDArray[np.int64]) -> bool:
    """Whether the answers `one` are right more often than `other`, beyond doubt."""
    return more_often(one.argmax(axis=1) == labels, other.argmax(axis=1) == labels)


def more_often(one: NDArray[np.bool_], other: NDArray[np.bool_], certain: float = _CERTAIN) -> bool:
    """Whether `one` is true more often than `other`, beyond doubt, by an exact McNemar test over the examples."""
    won, lost = int((one & ~other).sum()), int((other & ~one).sum())
    return won > lost and float(binomtest(won, won + lost, alternative="greater").pvalue) < certain


def better_than_chance(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> bool:
    """Whether the answers are right more often than always saying the commonest label, or as often as that."""
    right = int((probabilities.argmax(axis=1) == labels).sum())
    commonest = float(np.bincount(labels).max() / len(labels))
    return float(binomtest(right, len(labels), commonest, alternative="less").pvalue) > _CERTAIN


def as_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [asdict(finding) for finding in findings]


def share(value: float) -> float:
    """As it stands in a report."""
    return round(float(value), 4)


def points(value: float) -> float:
    """A share in percentage points."""
    return round(100 * float(value), 2)


def interval(values: NDArray[np.float64]) -> list[float]:
    """From where to where 95 % of `values` lie, as shares."""
    low, high = np.percentile(values, _INTERVAL)
    return [share(low), share(high)]


def interval_in_points(values: NDArray[np.float64]) -> list[float]:
    """The same in percentage points."""
    low, high = np.percentile(values, _INTERVAL)
    return [points(low), points(high)]
