"""Faces in a frame: detect, follow, crop, classify."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from edge.config import FaceConfig
from edge.perceive.detector import FaceDetector
from edge.perceive.features import FaceInput, crop_face, face_tensor
from edge.perceive.runtime import Model
from edge.perceive.tracker import IouTracker
from edge.records import Box, FaceObservation, Frame

# Standard deviation of grey levels in a well-lit face crop (FER2013's median is about 50); half of it still shows
# expressions, below that the trust falls.
_GOOD_CONTRAST = 25.0


class FacePerception:
    """Frame -> FaceObservations. One worker owns it.

    Args:
        detector: finds the faces.
        model: a package of the task ``face``.
    """

    def __init__(self, config: FaceConfig, detector: FaceDetector, model: Model) -> None:
        self._config = config
        self._detector = detector
        self._model = model
        self._spec = cast(FaceInput, model.package.input)  # load_package(..., "face") made it so
        self._tracker = IouTracker(config.track_iou, config.track_lost_ms * 1_000_000)

    def adopt(self, config: FaceConfig, detector: FaceDetector) -> None:
        """Look by `config` with `detector` from the next frame on; any thread. Followed faces stay."""
        self._config, self._detector = config, detector
        self._tracker.adopt(config.track_iou, config.track_lost_ms * 1_000_000)

    def observe(self, frame: Frame) -> list[FaceObservation]:
        """The confirmed faces of this frame, the largest first; an empty list if there is none.

        Raises:
            ValueError: the frame has no pixels or is not uint8 [H, W, 3].
        """
        image = frame.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"a frame must be uint8 [H, W, 3] with pixels in it, got {image.dtype} {image.shape}")
        detections = self._detector.detect(image)[: self._config.most_faces]
        observations = []
        for track in self._tracker.update(detections, frame.captured_ns):
            if track.hits < self._config.confirm_frames:
                continue
            crop = crop_face(image, track.box, self._spec.crop_margin)
            observations.append(
                FaceObservation(
                    track_id=track.id,
                    box=track.box,
                    detection_score=track.score,
                    quality=self._quality(crop, track.box, track.score),
                    probabilities=self._model.probabilities(face_tensor(crop, self._spec)),
                    captured_ns=frame.captured_ns,
                )
            )
        return observations

    def _quality(self, crop: NDArray[np.uint8], box: Box, score: float) -> float:
        """How far to trust the face: the detector's score, less for few pixels and for little contrast."""
        size = min(1.0, max(box.width, box.height) / self._spec.height)
        contrast = min(1.0, float(crop[::2, ::2, 1].std()) / _GOOD_CONTRAST)
        return score * size * contrast
