"""A face package behind a detector: the data set's pictures in a frame, found and cut out as the device does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.evaluate import face_figures, face_splits, learned_labels, outputs
from convert.metrics import figures
from edge.errors import ConfigError
from edge.perceive.detector import CellDetector, Detection, FaceDetector
from edge.perceive.inputs import FaceInput
from edge.perceive.package import load_package
from edge.perceive.pictures import align_face, crop_face, face_tensor
from edge.perceive.runtime import Model
from edge.records import Box

_HEIGHT, _WIDTH = 480, 640
_SIDE = 240  # of the picture in the frame: somebody who sits before a camera
_SAME_IOU = 0.4


def evaluate_end_to_end(folder: Path, data: Path, detector: Path) -> dict[str, Any]:
    """Figures of the face package in `folder` on the faces that the package `detector` finds.

    Returns:
        For each test split of `data` three entries of `convert.metrics.figures`, all of the faces that were found:
        as the data set cuts them, by the detector's box, and by its box turned until the eyes are level. The second
        and third also have ``found``, the share of the split's faces.

    Raises:
        ModelError, ConfigError: a package or the data cannot be used; no face is found.
    """
    cv2.setNumThreads(1)
    model = Model(load_package(folder, "face"))
    finder = CellDetector(load_package(detector, "detector"))
    spec = cast(FaceInput, model.package.input)
    measured: dict[str, Any] = {}
    for name, faces in face_splits(data, spec, learned_labels(model)).items():
        seen = [_found(image, finder) for image in faces.images]
        kept = np.array([item is not None for item in seen])
        if not kept.any():
            raise ConfigError(f"{detector}: found none of the {len(kept)} faces of {name}. Measure the detector first.")
        found = {"found": round(float(kept.mean()), 4)}
        cut = faces.only(kept)
        measured[f"{name}, as cut"] = face_figures(model, cut)
        crops = [item for item in seen if item is not None]
        for kind, align in (("as found", False), ("as found, level", True)):
            tensors = np.stack([_tensor(frame, detection, spec, align) for frame, detection in crops])
            measured[f"{name}, {kind}"] = figures(model.emotions(outputs(model, tensors)), cut.labels) | found
    return measured


def framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture uint8 [S, S] or [S, S, 3], enlarged, in the middle of a frame uint8 [480, 640, 3] of its mean grey."""
    large = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    frame = np.full((_HEIGHT, _WIDTH, 3), round(float(large.mean())), np.uint8)
    top, left = (_HEIGHT - _SIDE) // 2, (_WIDTH - _SIDE) // 2
    frame[top : top + _SIDE, left : left + _SIDE] = large if large.ndim == 3 else large[:, :, np.newaxis]
    return frame


def _found(picture: NDArray[np.uint8], detector: FaceDetector) -> tuple[NDArray[np.uint8], Detection] | None:
    frame = framed(picture)
    whole = Box((_WIDTH - _SIDE) / 2, (_HEIGHT - _SIDE) / 2, _SIDE, _SIDE)
    found = [item for item in detector.detect(frame) if item.box.iou(whole) > _SAME_IOU]
    return (frame, max(found, key=lambda item: item.score)) if found else None


def _tensor(frame: NDArray[np.uint8], found: Detection, spec: FaceInput, align: bool) -> NDArray[np.float32]:
    if align and found.landmarks is not None:
        return face_tensor(align_face(frame, found.box, found.landmarks, spec), spec)
    return face_tensor(crop_face(frame, found.box, spec.crop_margin), spec)
