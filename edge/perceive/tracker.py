"""Which face is which: boxes of successive frames joined to tracks by their overlap with where a face should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.perceive.detector import Detection
from edge.records import Box

# Steady-state gains of a Kalman filter with constant velocity (Kalata 1984, the alpha-beta filter), for places that
# jitter by a few hundredths of a face from frame to frame.
_PLACE_GAIN, _VELOCITY_GAIN = 0.85, 0.3
# A face that is hidden does not go on for ever: its speed halves in this time.
_COASTING_NS = 150_000_000
# Of the overlap that is asked for, where a face was found only once.
_NEW_SHARE = 0.5


@dataclass(slots=True)
class Track:
    """One face over time. `hits` counts the frames in which it was found; `last_ns` is the newest of them.

    `hidden` is the probability that its mouth is hidden, `mouth_ns` when that was looked at.
    """

    id: int
    box: Box
    score: float
    last_ns: int
    hits: int = 1
    landmarks: NDArray[np.float32] | None = None
    velocity: tuple[float, float] = (0.0, 0.0)  # of the box's middle, in pixels a nanosecond
    hidden: float = 0.0
    mouth_ns: int = -(2**63)

    def moved(self, now_ns: int) -> tuple[float, float]:
        """How far it should have gone since it was found, in pixels."""
        elapsed = now_ns - self.last_ns
        reach = _COASTING_NS * (1 - 0.5 ** (elapsed / _COASTING_NS)) / 0.6931
        return self.velocity[0] * reach, self.velocity[1] * reach

    def expected(self, now_ns: int) -> Box:
        """Where its box should be at `now_ns`."""
        x, y = self.moved(now_ns)
        return Box(self.box.x + x, self.box.y + y, self.box.width, self.box.height)

    def expected_landmarks(self, now_ns: int) -> NDArray[np.float32] | None:
        """Where its landmarks should be at `now_ns`."""
        return None if self.landmarks is None else self.landmarks + np.array(self.moved(now_ns), np.float32)


class IouTracker:
    """Greedy matching by intersection over union (Bochinski et al. 2017, "High-speed tracking-by-detection") with where
    each face should be by its velocity (Bewley et al. 2016, SORT, with a simpler filter).

    Args:
        least_iou: overlap that makes two boxes the same face; half of it is enough the second time it is found.
        lost_ns: a track not found for longer is forgotten; its id is never used again.
        first_id: of the first track; the next ones count on.
    """

    def __init__(self, least_iou: float, lost_ns: int, first_id: int = 1) -> None:
        self.adopt(least_iou, lost_ns)
        self._tracks: list[Track] = []
        self._next_id = first_id
        self._updated_ns = 0

    def adopt(self, least_iou: float, lost_ns: int) -> None:
        """Match by these from the next update on."""
        self._least_iou = least_iou
        self._lost_ns = lost_ns

    def update(self, detections: Sequence[Detection], captured_ns: int) -> list[Track]:
        """The tracks found in this frame, in the order of `detections`. Times must not go back."""
        self._updated_ns = captured_ns
        self._tracks = [track for track in self._tracks if captured_ns - track.last_ns <= self._lost_ns]
        expected = [track.expected(captured_ns) for track in self._tracks]
        pairs = sorted(
            (
                (box.iou(detection.box), t, d)
                for t, box in enumerate(expected)
                for d, detection in enumerate(detections)
            ),
            reverse=True,
        )
        matched: dict[int, Track] = {}
        taken: set[int] = set()
        for iou, t, d in pairs:
            # Of a face that was found once nobody knows yet where it goes.
            least = self._least_iou * (_NEW_SHARE if self._tracks[t].hits == 1 else 1.0)
            if iou < least or t in taken or d in matched:
                continue
            taken.add(t)
            matched[d] = self._tracks[t]
            _follow(self._tracks[t], expected[t], detections[d], captured_ns)
        for d, detection in enumerate(detections):
            if d not in matched:
                matched[d] = Track(
                    self._next_id, detection.box, detection.score, captured_ns, landmarks=detection.landmarks
                )
                self._tracks.append(matched[d])
                self._next_id += 1
        return [matched[d] for d in range(len(detections))]

    def between(self, captured_ns: int) -> list[tuple[Track, Box, NDArray[np.float32] | None]]:
        """The tracks found last time, and where they should be now: for a frame in which nobody looks for faces."""
        return [
            (track, track.expected(captured_ns), track.expected_landmarks(captured_ns))
            for track in self._tracks
            if track.last_ns == self._updated_ns
        ]


def _follow(track: Track, expected: Box, detection: Detection, captured_ns: int) -> None:
    elapsed = captured_ns - track.last_ns
    found = detection.box
    missed_x = found.x + found.width / 2 - expected.x - expected.width / 2
    missed_y = found.y + found.height / 2 - expected.y - expected.height / 2
    if elapsed > 0:
        gain = 1.0 if track.hits == 1 else _VELOCITY_GAIN  # the second place gives the first velocity
        x, y = track.velocity
        if elapsed > _COASTING_NS:  # it was hidden, and may have turned round meanwhile
            x = y = 0.0
        track.velocity = (x + gain * missed_x / elapsed, y + gain * missed_y / elapsed)
    width = track.box.width + _PLACE_GAIN * (found.width - track.box.width)
    height = track.box.height + _PLACE_GAIN * (found.height - track.box.height)
    x = expected.x + expected.width / 2 + _PLACE_GAIN * missed_x - width / 2
    y = expected.y + expected.height / 2 + _PLACE_GAIN * missed_y - height / 2
    track.box, track.score, track.last_ns = Box(x, y, width, height), detection.score, captured_ns
    track.landmarks = detection.landmarks
    track.hits += 1
