"""Ids that stay with a face."""

from __future__ import annotations

import numpy as np

from edge.perceive.detector import Detection
from edge.perceive.tracker import IouTracker
from edge.records import Box

MS = 1_000_000


def at(x: float, y: float = 0, side: float = 100) -> Detection:
    return Detection(Box(x, y, side, side), 0.9)


def ids(tracker: IouTracker, time_ms: int, *detections: Detection) -> list[int]:
    return [track.id for track in tracker.update(list(detections), time_ms * MS)]


def test_faces_that_move_keep_their_ids_in_any_order():
    tracker = IouTracker(0.3, 500 * MS)
    assert ids(tracker, 0, at(0), at(300)) == [1, 2]
    assert ids(tracker, 40, at(320), at(30)) == [2, 1]
    assert ids(tracker, 80, at(60), at(340)) == [1, 2]


def test_a_face_missed_for_a_moment_is_the_same_but_not_after_a_long_absence():
    tracker = IouTracker(0.3, 500 * MS)
    assert ids(tracker, 0, at(0)) == [1]
    assert ids(tracker, 250) == []
    assert ids(tracker, 500, at(5)) == [1]
    assert ids(tracker, 1001, at(5)) == [2]


def test_the_best_overlap_wins_and_nobody_gets_two():
    tracker = IouTracker(0.1, 500 * MS)
    assert ids(tracker, 0, at(0), at(60)) == [1, 2]
    # Both lie nearer to the second; the nearest of them is it, the other takes the first.
    assert ids(tracker, 40, at(45), at(55)) == [1, 2]
    assert ids(tracker, 80, at(50), at(44)) == [2, 1]


def test_a_jump_is_a_new_face():
    tracker = IouTracker(0.3, 500 * MS)
    assert ids(tracker, 0, at(0)) == [1]
    assert ids(tracker, 40, at(90)) == [2]


def test_of_a_newcomer_less_overlap_is_asked_until_its_speed_is_known():
    tracker = IouTracker(0.3, 500 * MS)
    assert ids(tracker, 0, at(0)) == [1]
    assert ids(tracker, 133, at(60)) == [1]  # overlap 0.25
    assert ids(tracker, 266, at(120)) == [1]  # where its movement takes it
    assert ids(tracker, 400, at(240)) == [2]  # and not 60 pixels beside


def test_hits_count_the_frames():
    tracker = IouTracker(0.3, 500 * MS)
    assert [tracker.update([at(x)], x * MS)[0].hits for x in range(3)] == [1, 2, 3]


def test_a_face_hidden_for_half_a_second_while_it_moves_is_the_same():
    tracker = IouTracker(0.3, 1500 * MS)
    for step in range(8):
        assert ids(tracker, 66 * step, at(10 * step)) == [1]
    # 150 pixels a second for 0.53 s: where it was last seen it no longer overlaps enough.
    assert ids(tracker, 66 * 15, at(130)) == [1]


def test_between_detections_a_face_is_where_its_movement_takes_it():
    tracker = IouTracker(0.3, 1500 * MS)
    points = np.zeros((5, 2), np.float32)
    for step in range(10):
        tracker.update([Detection(Box(10.0 * step, 0, 100, 100), 0.9, points + 10 * step)], 66 * step * MS)
    ((track, box, landmarks),) = tracker.between(66 * 10 * MS)
    assert track.id == 1
    assert 95 < box.x < 101
    np.testing.assert_allclose(landmarks[:, 0], box.x - track.box.x + points[:, 0] + 90, atol=0.01)
    assert tracker.update([], 66 * 11 * MS) == []
    assert tracker.between(66 * 12 * MS) == []


def test_boxes_jitter_less_than_the_detections():
    tracker = IouTracker(0.3, 1500 * MS)
    rng = np.random.default_rng(0)
    places = rng.normal(100, 3, 60)
    boxes = [tracker.update([at(x)], 66 * n * MS)[0].box.x for n, x in enumerate(places)]
    assert np.std(np.diff(boxes[10:])) < 0.95 * np.std(np.diff(places[10:]))
