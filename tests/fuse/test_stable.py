"""Smoothing, threshold, hysteresis and dwell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.config import FusionConfig
from edge.fuse.stable import StableEmotion
from edge.records import EMOTIONS

MS = 1_000_000
PLAIN = FusionConfig(smoothing_ms=0, uncertain_below=0.4, hysteresis=0.1, dwell_ms=0)


def says(**probabilities: float) -> np.ndarray:
    rest = (1 - sum(probabilities.values())) / (len(EMOTIONS) - len(probabilities))
    return np.array([probabilities.get(emotion, rest) for emotion in EMOTIONS])


def test_it_begins_uncertain_and_knows_nothing():
    emotion = StableEmotion(PLAIN)
    assert emotion.label == "uncertain"
    np.testing.assert_allclose(emotion.probabilities, 1 / 7)


def test_below_the_threshold_it_abstains():
    emotion = StableEmotion(PLAIN)
    assert not emotion.update(says(happy=0.39), 0)
    assert emotion.update(says(happy=0.41), 1 * MS)
    assert emotion.label == "happy"


def test_hysteresis_keeps_what_holds():
    emotion = StableEmotion(PLAIN)
    emotion.update(says(happy=0.5), 0)
    assert not emotion.update(says(happy=0.4, sad=0.49), 1 * MS)
    assert emotion.update(says(happy=0.38, sad=0.49), 2 * MS)
    assert emotion.label == "sad"
    # 0.35 is under the threshold, but not by the hysteresis.
    assert not emotion.update(says(sad=0.35), 3 * MS)
    assert emotion.update(says(sad=0.29), 4 * MS)
    assert emotion.label == "uncertain"


def test_a_candidate_must_dwell_without_a_break():
    emotion = StableEmotion(replace(PLAIN, dwell_ms=100))
    assert not emotion.update(says(happy=0.9), 0)
    assert not emotion.update(says(happy=0.9), 99 * MS)
    assert not emotion.update(says(sad=0.9), 100 * MS)
    assert not emotion.update(says(happy=0.9), 110 * MS)
    assert not emotion.update(says(happy=0.9), 209 * MS)
    assert emotion.update(says(happy=0.9), 210 * MS)
    assert (emotion.label, emotion.since_ns) == ("happy", 110 * MS)


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_smoothing_does_not_depend_on_the_rate_of_updates(steps: int):
    emotion = StableEmotion(replace(PLAIN, smoothing_ms=500))
    emotion.update(says(sad=1.0), 0)
    for step in range(1, steps + 1):
        emotion.update(says(happy=1.0), 500 * MS * step // steps)
    assert emotion.probabilities[EMOTIONS.index("sad")] == pytest.approx(np.exp(-1), abs=1e-6)
