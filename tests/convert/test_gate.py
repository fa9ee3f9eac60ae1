"""What must not ship is found; what may is let through."""

from __future__ import annotations

import numpy as np
import pytest

from convert.gate import Limits, better_labels, better_than_chance, certainly_better, compare, losses
from edge.records import EMOTIONS

LABELS = np.repeat(np.arange(7), 60)


def answers(right: float, seed: int = 0) -> np.ndarray:
    """Probabilities that are right for a share of LABELS, and otherwise for the next label."""
    rng = np.random.default_rng(seed)
    said = np.where(rng.random(len(LABELS)) < right, LABELS, (LABELS + 1) % 7)
    return np.eye(7, dtype=np.float32)[said] * 0.9 + np.float32(0.1 / 7)


def test_the_same_answers_lose_nothing():
    compared = compare(answers(0.7), answers(0.7), LABELS, EMOTIONS)
    assert (compared["drop"], compared["drop_interval"], compared["changed_decisions"]) == (0, [0, 0], 0)
    low, high = compared["float"]["interval"]
    # The standard error of a share of 0.7 of 420 is 0.022: an interval of about four of them.
    assert 0.07 < high - low < 0.11
    assert low < compared["float"]["accuracy"] < high
    assert losses(compared, Limits(), "layer", "int8") == []


def test_a_loss_beyond_the_limit_is_told_with_what_to_try():
    compared = compare(answers(0.8), answers(0.7), LABELS, EMOTIONS)
    found = losses(compared, Limits(drop=1, class_drop=50), "head/Conv2D", "int8")
    assert [finding.what for finding in found] == ["accuracy"]
    assert "more than 1." in found[0].message
    assert "head/Conv2D" in found[0].advice
    assert losses(compared, Limits(drop=30, class_drop=50), "", "int8") == []


def test_one_class_that_falls_is_told_but_not_a_chance_of_few_examples():
    exact, found = answers(1.0), answers(1.0)
    found[LABELS == 2] = np.roll(found[LABELS == 2], 1, axis=1)
    (finding,) = losses(compare(exact, found, LABELS, EMOTIONS), Limits(drop=100), "", "int8")
    assert finding.message.startswith("the recall of fear falls by 100.00 points")
    few = np.concatenate([np.arange(40), np.flatnonzero(LABELS == 1)[:2]])
    found = answers(1.0)
    found[np.flatnonzero(LABELS == 1)[0]] = found[0]
    compared = compare(exact[few], found[few], LABELS[few], EMOTIONS)
    assert compared["classes"]["disgust"]["drop"] == 50
    assert losses(compared, Limits(drop=100), "", "int8") == []


def test_swapped_labels_are_found_and_named():
    order = [3, 1, 2, 0, 4, 5, 6]  # angry and happy
    assert better_labels(answers(0.7)[:, order], LABELS, EMOTIONS) == {"angry": "happy", "happy": "angry"}
    assert better_labels(answers(0.7), LABELS, EMOTIONS) is None
    guesses = np.random.default_rng(5).dirichlet(np.ones(7), len(LABELS)).astype(np.float32)
    assert better_labels(guesses, LABELS, EMOTIONS) is None


def test_guessing_is_told_from_knowing():
    assert certainly_better(answers(0.7), answers(0.5), LABELS)
    assert not certainly_better(answers(0.7), answers(0.7, seed=1), LABELS)
    assert better_than_chance(answers(0.4), LABELS)
    assert not better_than_chance(answers(0.02), LABELS)


@pytest.mark.parametrize("right", [0.3, 0.9])
def test_the_same_seed_gives_the_same_figures(right):
    assert compare(answers(right), answers(0.5), LABELS, EMOTIONS) == compare(
        answers(right), answers(0.5), LABELS, EMOTIONS
    )
