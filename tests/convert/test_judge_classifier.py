"""What a classifier's own answers say about its contract."""

from __future__ import annotations

import numpy as np
import pytest

from convert.examples import Judged
from convert.judge_classifier import calibrated, implausible_labels, no_better_than_chance, temperature_of
from edge.records import EMOTIONS

TRUTH = np.arange(280) % 7
SURE = np.eye(7, dtype=np.float32)[TRUTH] * 4


def test_labels_in_another_order_are_found():
    assert implausible_labels(SURE, TRUTH, EMOTIONS) == []
    (finding,) = implausible_labels(SURE, TRUTH, ("disgust", "angry", *EMOTIONS[2:]))
    assert "'disgust' seems to be 'angry'" in finding.message


def test_a_model_that_knows_less_than_the_commonest_label_is_told():
    wrong = np.roll(SURE, 1, axis=1)
    data = np.zeros((280, 1), np.float32)
    assert no_better_than_chance(SURE, Judged("faces", data, TRUTH), EMOTIONS) == []
    (finding,) = no_better_than_chance(wrong, Judged("faces", data, TRUTH), EMOTIONS)
    assert "on faces" in finding.message


def test_the_temperature_makes_the_answers_as_sure_as_they_are_right():
    rng = np.random.default_rng(0)
    shown = np.where(rng.random(7000) < 0.7, np.arange(7000) % 7, rng.integers(0, 7, 7000))
    sure = np.eye(7, dtype=np.float32)[shown] * 9
    truth = np.arange(7000) % 7
    temperature = temperature_of(sure, truth, EMOTIONS)
    said = calibrated(sure, EMOTIONS, temperature)
    assert said.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert said.max(axis=1).mean() == pytest.approx((shown == truth).mean(), abs=0.02)
    # Probabilities are as good as logits.
    exact = np.exp(sure) / np.exp(sure).sum(axis=1, keepdims=True)
    assert temperature_of(exact, truth, EMOTIONS) == pytest.approx(temperature, rel=0.01)
