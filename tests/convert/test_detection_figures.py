"""Recall, precision and landmark errors, counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.datasets.photos import Photo
from convert.detection_figures import figures, only, ranked, share_of_height, turns
from edge.perceive.detector import Detection
from edge.records import Box

POINTS = np.array([[2, 3], [8, 3], [5, 5], [3, 8], [7, 8]], np.float32)


def photo(*boxes: tuple[float, float, float, float], ignored: tuple[int, ...] = ()) -> Photo:
    mask = np.isin(np.arange(len(boxes)), ignored)
    landmarks = np.array([POINTS + box[:2] for box in boxes], np.float32).reshape(-1, 5, 2)
    return Photo(Path("p"), np.array(boxes, np.float32).reshape(-1, 4), landmarks, mask)


def at(x: float, y: float, score: float, side: float = 10, shift: float = 0) -> Detection:
    return Detection(Box(x, y, side, side), score, POINTS + np.array([x + shift, y], np.float32))


def test_each_face_counts_once_and_ignored_places_not_at_all():
    photos = [photo((0, 0, 10, 10), (50, 50, 10, 10), (80, 0, 10, 10), ignored=(2,)), photo()]
    found = [[at(0, 0, 0.9), at(1, 0, 0.8), at(80, 0, 0.7), at(82, 2, 0.65, 5)], [at(5, 5, 0.95)]]
    order = ranked(photos, found, 0.4)
    assert order.faces == 2
    assert order.scores.tolist() == [0.95, 0.9, 0.8]
    assert order.right.tolist() == [False, True, False]
    assert [order.recall_at(count) for count in (0, 1, 5)] == [0.0, 0.5, 0.5]
    assert order.average_precision() == pytest.approx(0.25)
    assert order.score_at(0) == 0.95
    assert order.above(0.85).right.tolist() == [False, True]


def test_of_equal_scores_the_false_one_counts_first():
    order = ranked([photo((0, 0, 10, 10))], [[at(0, 0, 0.5), at(50, 50, 0.5)]], 0.4)
    assert order.recall_at(0) == 0.0


def test_landmark_errors_are_shares_of_the_eyes_distance():
    order = ranked([photo((0, 0, 10, 10))], [[at(0, 0, 0.9, shift=0.6)]], 0.4)
    assert order.error[0] == pytest.approx(0.1)
    without = ranked([photo((0, 0, 10, 10))], [[Detection(Box(0, 0, 10, 10), 0.9)]], 0.4)
    assert np.isnan(without.error[0])


def test_figures_and_subsets():
    photos = [photo((0, 0, 10, 10), (50, 50, 40, 40))]
    told = figures(photos, [[at(0, 0, 0.9), at(20, 20, 0.4)]], 0.4, 0.5)
    assert (told["faces"], told["recall_at_5"], told["recall_at_threshold"]) == (2, 0.5, 0.5)
    assert told["false_positives_at_threshold"] == 0
    larger = only(photos[0], share_of_height(photos[0], 100) > 0.2)
    assert larger.ignored.tolist() == [True, False]
    np.testing.assert_allclose(turns(photos[0]), [0, 0], atol=1e-6)
