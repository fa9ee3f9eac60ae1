"""Which face is which: boxes of successive frames joined to tracks by their overlap."""

from __future__ import annotations

from dataclasses import dataclass

from edge.perceive.detector import Detection
from edge.records import Box


@dataclass(slots=True)
class Track:
    """One face over time. `hits` counts the frames in which it was found."""

    id: int
    box: Box
    score: float
    last_ns: int
    hits: int = 1


class IouTracker:
    """Greedy matching by intersection over union (Bochinski et al. 2017, "High-speed tracking-by-detection").

    Args:
        least_iou: overlap that makes two boxes the same face.
        lost_ns: a track not found for longer is forgotten; its id is never used again.
    """

    def __init__(self, least_iou: float, lost_ns: int) -> None:
        self.adopt(least_iou, lost_ns)
        self._tracks: list[Track] = []
        self._next_id = 1

    def adopt(self, least_iou: float, lost_ns: int) -> None:
        """Match by these from the next update on."""
        self._least_iou = least_iou
        self._lost_ns = lost_ns

    def update(self, detections: list[Detection], captured_ns: int) -> list[Track]:
        """The tracks found in this frame, in the order of `detections`. Times must not go back."""
        self._tracks = [track for track in self._tracks if captured_ns - track.last_ns <= self._lost_ns]
        pairs = sorted(
            (
                (track.box.iou(detection.box), t, d)
                for t, track in enumerate(self._tracks)
                for d, detection in enumerate(detections)
            ),
            reverse=True,
        )
        matched: dict[int, Track] = {}
        taken: set[int] = set()
        for iou, t, d in pairs:
            if iou < self._least_iou:
                break
            if t in taken or d in matched:
                continue
            taken.add(t)
            track = matched[d] = self._tracks[t]
            track.box, track.score, track.last_ns = detections[d].box, detections[d].score, captured_ns
            track.hits += 1
        for d, detection in enumerate(detections):
            if d not in matched:
                matched[d] = Track(self._next_id, detection.box, detection.score, captured_ns)
                self._tracks.append(matched[d])
                self._next_id += 1
        return [matched[d] for d in range(len(detections))]
