"""Ids that stay with a face."""

from __future__ import annotations

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


def test_hits_count_the_frames():
    tracker = IouTracker(0.3, 500 * MS)
    assert [tracker.update([at(x)], x * MS)[0].hits for x in range(3)] == [1, 2, 3]
