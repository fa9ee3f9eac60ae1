"""Faces in a frame: detect, follow, align, judge, classify."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from edge.config import FaceConfig
from edge.perceive.detector import FaceDetector
from edge.perceive.inputs import FaceInput
from edge.perceive.occlusion import hidden_mouth
from edge.perceive.pictures import align_face, crop_face, face_levels, face_picture, face_tensor
from edge.perceive.quality import face_quality
from edge.perceive.runtime import Model
from edge.perceive.tracker import IouTracker, Track
from edge.records import EMOTIONS, Box, FaceObservation, Frame

_UNKNOWN = np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32)
# A mask comes and goes no faster; telling whether it is there costs a third of what the classifier does.
_MOUTH_EVERY_NS = 300_000_000
# Between two searches; the boxes of a face that keeps still overlap by 0.95.
_STILL_IOU = 0.88
_Seen = tuple[Track, Box, NDArray[np.float32] | None]


class DetectionSchedule:
    """Which frames are searched for faces: one in so many while faces move, half as many where everything kept still;
    and where frames are few one in so much time, so that a face is found again before it would count as lost."""

    def __init__(self, config: FaceConfig) -> None:
        self.adopt(config)
        self._since = config.detect_every
        self._searched_ns = 0
        self._found: list[Box] = []
        self._still = 0

    def adopt(self, config: FaceConfig) -> None:
        """Search by `config` from the next frame on."""
        self._confirm = config.confirm_frames
        self._every, self._longest_ns = config.detect_every, config.track_lost_ms * 1_000_000 // 2

    def due(self, captured_ns: int) -> bool:
        """Whether this frame is one; to be asked once for each."""
        self._since += 1
        # Not before somebody new is confirmed; and whoever wants every frame gets every frame.
        slow = self._still >= self._confirm and self._every > 1
        every = 2 * self._every if slow else self._every
        if self._since < every and captured_ns - self._searched_ns < self._longest_ns:
            return False
        self._since, self._searched_ns = 0, captured_ns
        return True

    def found(self, boxes: list[Box]) -> None:
        """What the search of the last frame that was due has found."""
        before, self._found = self._found, boxes
        still = all(any(box.iou(old) >= _STILL_IOU for old in before) for box in boxes) and len(before) == len(boxes)
        self._still = self._still + 1 if still else 0


class FacePerception:
    """Frame -> FaceObservations. One worker owns it.

    Args:
        detector: finds the faces.
        model: a package of the task ``face``.
        first_track: the number of the first face; the next ones count on.
    """

    def __init__(self, config: FaceConfig, detector: FaceDetector, model: Model, first_track: int = 1) -> None:
        self._config = config
        self._detector = detector
        self._model = model
        self._spec = cast(FaceInput, model.package.input)  # load_package(..., "face") made it so
        self._levels = model.quantized(face_levels(self._spec))
        self._tracker = IouTracker(config.track_iou, config.track_lost_ms * 1_000_000, first_track)
        self._schedule = DetectionSchedule(config)

    def adopt(self, config: FaceConfig) -> None:
        """Look by `config` from the next frame on; any thread. Followed faces stay."""
        self._config = config
        self._schedule.adopt(config)
        self._tracker.adopt(config.track_iou, config.track_lost_ms * 1_000_000)

    def observe(self, frame: Frame) -> list[FaceObservation]:
        """The confirmed faces of this frame, the largest first; an empty list if there is none.

        In frames that are not searched for faces (`DetectionSchedule`) those found last are where their movement should
        take them.

        Raises:
            ValueError: the frame has no pixels or is not uint8 [H, W, 3].
        """
        image = frame.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"a frame must be uint8 [H, W, 3] with pixels in it, got {image.dtype} {image.shape}")
        return [
            self._observation(frame, *seen) for seen in self._seen(frame) if seen[0].hits >= self._config.confirm_frames
        ]

    def _seen(self, frame: Frame) -> list[_Seen]:
        if not self._schedule.due(frame.captured_ns):
            return self._tracker.between(frame.captured_ns)
        detections = self._detector.detect(frame.image)
        self._schedule.found([detection.box for detection in detections])
        tracks = self._tracker.update(detections[: self._config.most_faces], frame.captured_ns)
        return [(track, track.box, track.landmarks) for track in tracks]

    def _observation(
        self, frame: Frame, track: Track, box: Box, landmarks: NDArray[np.float32] | None
    ) -> FaceObservation:
        spec = self._spec
        if spec.align and landmarks is not None:
            crop = align_face(frame.image, box, landmarks, spec)
        else:
            crop = crop_face(frame.image, box, spec.crop_margin)
        face = face_picture(crop, spec.width, spec.height, spec.channels)
        height, width = frame.image.shape[:2]
        if landmarks is not None and frame.captured_ns - track.mouth_ns >= _MOUTH_EVERY_NS:
            track.hidden, track.mouth_ns = hidden_mouth(frame.image, landmarks), frame.captured_ns
        quality = face_quality(face, box, landmarks, (height, width), spec.height, track.hidden)
        value = track.score * quality.value
        abstained = quality.worst if value < self._config.least_quality else ""
        return FaceObservation(
            track_id=track.id,
            box=box,
            detection_score=track.score,
            # What is not judged has no weight in fusion either; the face is still there.
            quality=0.0 if abstained else value,
            probabilities=_UNKNOWN if abstained else self._model.probabilities(face_tensor(face, spec, self._levels)),
            captured_ns=frame.captured_ns,
            abstained=abstained,
        )
