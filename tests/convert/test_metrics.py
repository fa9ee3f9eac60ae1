from __future__ import annotations

import numpy as np
import pytest

from convert.datasets.faces import LABELS
from convert.metrics import confusion, coverage, details, ece, figures, reliability, uar
from edge.records import EMOTIONS


def _sure(predicted: list[int], confidence: float = 0.9) -> np.ndarray:
    probabilities = np.full((len(predicted), 7), (1 - confidence) / 6, np.float32)
    probabilities[np.arange(len(predicted)), predicted] = confidence
    return probabilities


def test_figures_of_a_small_example_counted_by_hand():
    labels = np.array([0, 0, 0, 0, 3, 3])
    measured = figures(_sure([0, 0, 0, 3, 3, 0]), labels)
    assert measured["count"] == 6
    assert measured["accuracy"] == pytest.approx(4 / 6, abs=1e-4)
    assert measured["uar"] == pytest.approx((3 / 4 + 1 / 2) / 2, abs=1e-4)
    assert measured["macro_f1"] == pytest.approx((6 / 8 + 2 / 4) / 2, abs=1e-4)
    assert measured["ece"] == pytest.approx(0.9 - 4 / 6, abs=1e-4)
    assert measured["recall"]["angry"] == 0.75
    assert measured["recall"]["sad"] is None
    assert measured["confusion"][0] == [3, 0, 0, 1, 0, 0, 0]
    assert list(measured["recall"]) == list(EMOTIONS)


def test_figures_may_be_of_eight_labels():
    probabilities = np.eye(8, dtype=np.float32)[[7, 7, 0]]
    measured = details(probabilities, np.array([7, 0, 0]), LABELS)
    assert measured["recall"]["contempt"] == 1
    assert measured["precision"]["contempt"] == 0.5
    assert measured["f1"]["contempt"] == pytest.approx(2 / 3, abs=1e-4)
    assert measured["uar"] == 0.75


def test_uar_counts_rare_emotions_like_frequent_ones():
    labels = np.array([6] * 98 + [1] * 2)
    assert uar(np.full(100, 6), labels) == 0.5


def test_confusion_rows_are_true_emotions():
    assert confusion(np.array([2, 2]), np.array([1, 2]))[1].tolist() == [0, 0, 1, 0, 0, 0, 0]


def test_ece_is_small_where_confidence_tells_the_truth_and_large_where_it_does_not():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.2, 1.0, 20_000).astype(np.float32)
    probabilities = np.stack([_sure([0], share)[0] for share in confidence])
    right = rng.random(20_000) < probabilities.max(axis=1)
    guesses = probabilities.argmax(axis=1)
    honest = np.where(right, guesses, (guesses + 1) % 7)
    assert ece(probabilities, honest) < 0.02
    assert ece(probabilities, (guesses + 1) % 7) > 0.5


def _sure_and_right(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Emotion 0 or 1, with a confidence that is the share of right answers."""
    rng = np.random.default_rng(3)
    confidence = rng.choice([0.55, 0.75, 0.95], count)
    labels = rng.integers(0, 2, count)
    said = np.where(rng.random(count) < confidence, labels, 1 - labels)
    probabilities = np.zeros((count, 7), np.float32)
    probabilities[np.arange(count), said] = confidence
    probabilities[np.arange(count), 1 - said] = 1 - confidence
    return probabilities, labels


def test_the_surest_answers_are_right_most_often():
    probabilities, labels = _sure_and_right(2000)
    rows = coverage(probabilities, labels)
    assert rows[0]["accuracy"] > rows[-1]["accuracy"] + 0.1
    assert rows[-1] == {
        "coverage": 1.0,
        "accuracy": figures(probabilities, labels)["accuracy"],
        "confidence": pytest.approx(0.55),
    }


def test_reliability_bins_are_the_ece():
    probabilities, labels = _sure_and_right()
    rows = reliability(probabilities, labels)
    assert sum(row["count"] for row in rows) == 200
    assert rows[0]["accuracy"] is None
    gap = sum(row["count"] * abs(row["accuracy"] - row["confidence"]) for row in rows if row["count"]) / 200
    assert gap == pytest.approx(figures(probabilities, labels)["ece"], abs=2e-4)


def test_precision_and_f1_by_hand():
    probabilities = np.eye(7, dtype=np.float32)[[0, 0, 0, 1]]
    values = details(probabilities, np.array([0, 0, 1, 1]))
    assert values["precision"]["angry"] == pytest.approx(2 / 3, abs=1e-4)
    assert values["precision"]["disgust"] == 1
    assert values["precision"]["sad"] is None
    assert values["f1"]["angry"] == pytest.approx(0.8)
