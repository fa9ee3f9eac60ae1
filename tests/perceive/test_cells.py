"""What the cells of a detector answer: where they are, decoding, suppression, and one answer of many."""

from __future__ import annotations

import numpy as np
import pytest

from edge.perceive.cells import agreement, blending, cells, decode_boxes, decode_landmarks, same_face, suppressed


def test_cells_are_level_by_level_row_by_row():
    centres, strides = cells(64, 96)
    assert len(centres) == 8 * 12 + 4 * 6 + 2 * 3
    np.testing.assert_array_equal(centres[:2], [[4, 4], [12, 4]])
    np.testing.assert_array_equal(centres[12], [4, 12])
    np.testing.assert_array_equal(centres[96], [8, 8])
    np.testing.assert_array_equal(centres[-1], [80, 48])
    assert strides[[0, 96, -1], 0].tolist() == [8, 16, 32]


def test_decoding_is_in_strides_of_the_cell():
    centres, strides = np.array([[20.0, 12.0]], np.float32), np.array([[8.0]], np.float32)
    box = np.array([[0.5, -0.25, np.log(4), np.log(2)]], np.float32)
    np.testing.assert_allclose(decode_boxes(box, centres, strides), [[8, 2, 40, 18]], atol=1e-4)
    points = decode_landmarks(np.arange(10, dtype=np.float32)[np.newaxis] / 8, centres, strides)
    np.testing.assert_allclose(points[0], [[20, 13], [22, 15], [24, 17], [26, 19], [28, 21]], atol=1e-4)


def test_the_best_box_of_a_face_stays_and_neighbours_do():
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [9, 0, 19, 10]], np.float32)
    assert suppressed(corners, np.array([0.9, 0.8, 0.7, 0.6], np.float32), 0.4).tolist() == [0, 2, 3]
    assert suppressed(corners, np.array([0.6, 0.8, 0.7, 0.9], np.float32), 0.4).tolist() == [3, 1, 2]
    assert suppressed(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.4).tolist() == []


def test_landmarks_are_the_mean_of_the_cells_that_answer_for_the_same_face():
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [4, 0, 14, 10], [50, 50, 60, 60], [0, 1, 10, 11]], np.float32)
    scores = np.array([0.9, 0.6, 0.8, 0.7, 0.4], np.float32)
    kept = np.array([0, 3])
    first, last = blending(scores, same_face(corners, kept), kept)
    # The third overlaps the first by 0.43: it is another's. The fifth is not sure.
    np.testing.assert_allclose(first, [0.6, 0.4, 0, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(last, [0, 0, 0, 1, 0], rtol=1e-5)


def test_a_face_that_many_cells_see_scores_above_one_that_a_single_cell_sees():
    corners = np.array([[0, 0, 10, 10]] * 12 + [[50, 50, 60, 60]], np.float32)
    logits = np.array([2.0] + [1.0] * 11 + [2.0], np.float32)
    kept = np.array([0, 12])
    many, single = agreement(logits, same_face(corners, kept), kept)
    assert many == pytest.approx((2 + (2 + 8 * 1) / 9) / 2)
    # The other eight say as little as outputs from 0 on can that lie 2.5 above what they mean.
    assert single == pytest.approx((2 + (2 - 8 * 2.5) / 9) / 2)
    (alone,) = agreement(logits[:1], np.ones((1, 1), bool), np.array([0]))
    assert alone == single
