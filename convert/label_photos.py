"""Boxes and landmarks for photos, by a teacher that looks at each of them many times.

One look of a small detector depends on where its grid falls: YuNet's landmarks move by a tenth of the eyes' distance
when a photo is shifted or mirrored. What many looks agree on moves less, and is a better thing to learn.
"""

from __future__ import annotations

import csv
import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.datasets.photos import LANDMARKS, MIRRORED, Photo, faceless_photos, training_photos
from convert.detection_figures import overlap
from edge.errors import ConfigError
from edge.records import Box

# Longer sides at which a photo is looked at, and how often; each time shifted by part of a cell of the coarsest grid,
# every second time mirrored.
_SIDES = ((160, 4), (230, 4), (320, 4), (450, 4), (640, 4), (900, 2))
_SCALED, _SHIFTED_PX = 0.12, 32
_MOST_ENLARGED = 2.0
_LEAST_SCORE = 0.2
# Sides of faces, in pixels of a look, that the teacher can be expected to find; beyond the second its cells see parts.
_SEEN_PX = (14.0, 220.0)
_SHARP_PX = 40.0  # from here on landmarks are as good as they become
_SAME_IOU, _NEAR_IOU = 0.4, 0.3
# What nobody labelled before is a face if so many of the looks that should see it do, and score it so on average;
# hands and patterns are seen as steadily, but score less. Between the two it is doubtful.
_FACE_SHARE, _FACE_SCORE = 0.6, 0.55
_DOUBTFUL_SHARE, _DOUBTFUL_SCORE = 0.3, 0.4
_FEWEST_LOOKS = 4
_COLUMNS = ("file", "x", "y", "w", "h", *LANDMARKS, "score", "source")


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """All that the looks at one photo found, in its pixels: `boxes` float32 [N, 4] (left, top, width, height),
    `landmarks` float32 [N, 5, 2], `scores` float32 [N], `look` int64 [N]; `scales` float64 [L] of the L looks."""

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]
    look: NDArray[np.int64]
    scales: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A face, or what may be one: `box` float32 [4] (left, top, width, height), `landmarks` float32 [5, 2], pixels."""

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float
    doubtful: bool


class Teacher:
    """YuNet (Wu et al. 2023) for pictures of any size.

    Raises:
        ConfigError: `path` cannot be read, or OpenCV is one that takes pictures of one size alone.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._detector = cv2.FaceDetectorYN.create(str(path), "", (320, 320), _LEAST_SCORE, 0.3, 5000)
            self._find(np.zeros((96, 160, 3), np.uint8))
        except cv2.error as error:
            raise ConfigError(
                f"{path}: expected YuNet for pictures of any size (yunet_n_dynamic.onnx) and OpenCV 5, which reads it; "
                f"OpenCV {cv2.__version__} says: {error}"
            ) from error

    def look(self, image: NDArray[np.uint8], seed: int) -> Looks:
        """Look at uint8 [H, W, 3] RGB, shifted and scaled by chance of `seed`."""
        rng = np.random.default_rng(seed)
        picture = np.ascontiguousarray(image[:, :, ::-1])
        height, width = image.shape[:2]
        boxes, points, scores, numbers = [], [], [], []
        scales: list[float] = []
        for side, times in _SIDES:
            for time in range(times):
                scale = side / max(height, width) * np.exp(rng.uniform(-_SCALED, _SCALED))
                right, down = (int(value) for value in rng.integers(0, _SHIFTED_PX, 2))
                if scale > _MOST_ENLARGED:
                    continue
                size = max(16, round(width * scale)), max(16, round(height * scale))
                shape = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
                seen = cv2.copyMakeBorder(
                    cv2.resize(picture, size, interpolation=shape), down, 0, right, 0, cv2.BORDER_CONSTANT
                )
                mirrored = time % 2 == 1
                rows = self._find(np.ascontiguousarray(seen[:, ::-1]) if mirrored else np.asarray(seen, np.uint8))
                box, landmarks = rows[:, :4].copy(), rows[:, 4:14].reshape(-1, 5, 2).copy()
                if mirrored:
                    box[:, 0] = seen.shape[1] - box[:, 0] - box[:, 2]
                    landmarks[..., 0] = seen.shape[1] - landmarks[..., 0]
                    landmarks = landmarks[:, MIRRORED]
                moved, by = np.array([right, down], np.float32), np.array(size, np.float32) / (width, height)
                box[:, :2] -= moved
                boxes.append(box / np.tile(by, 2))
                points.append((landmarks - moved) / by)
                scores.append(rows[:, 14])
                numbers.append(np.full(len(rows), len(scales)))
                scales.append(float(scale))
        return Looks(
            np.concatenate([np.zeros((0, 4)), *boxes]).astype(np.float32),
            np.concatenate([np.zeros((0, 5, 2)), *points]).astype(np.float32),
            np.concatenate([np.zeros(0), *scores]).astype(np.float32),
            np.concatenate([np.zeros(0), *numbers]).astype(np.int64),
            np.array(scales),
        )

    def _find(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        self._detector.setInputSize((picture.shape[1], picture.shape[0]))
        _, rows = self._detector.detect(picture)
        return np.zeros((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)


def label_photos(data: Path, teacher: Path, out: Path) -> dict[str, int]:
    """Label all pictures of ``train`` in `data` and write ``labels.csv`` and ``labels_low.csv`` into `out`.

    What ``labels.csv`` in `data` calls a face stays one; looks make it more exact, and add others.

    Returns:
        How many photos, faces, doubtful faces, and faces that were none or doubtful before.

    Raises:
        ConfigError: photos or teacher cannot be used.
    """
    photos = {photo.path.name: photo for photo in faceless_photos(data / "train")}
    if (data / "train" / "labels.csv").is_file():
        photos |= {photo.path.name: photo for photo in training_photos(data, "all")}
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # it warns of a target that nobody chose
    own = threading.local()

    def labelled(photo: Photo) -> list[Label]:
        if not hasattr(own, "teacher"):
            own.teacher = Teacher(teacher)
        return agreed(own.teacher.look(photo.read(), zlib.crc32(photo.path.name.encode())), photo)

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # photos side by side need no threads each
    try:
        Teacher(teacher)  # what is wrong with it is told before any work
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            labels = dict(zip(photos, pool.map(labelled, photos.values()), strict=True))
    finally:
        cv2.setNumThreads(threads)
        cv2.utils.logging.setLogLevel(level)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / "labels.csv", photos, labels, doubtful=False)
    _write(out / "labels_low.csv", photos, labels, doubtful=True)
    faces = sum(not label.doubtful for found in labels.values() for label in found)
    return {
        "photos": len(photos),
        "faces": faces,
        "doubtful": sum(map(len, labels.values())) - faces,
        "new": faces - sum(int((~photo.ignored).sum()) for photo in photos.values()),
    }


def agreed(looks: Looks, known: Photo) -> list[Label]:
    """What the looks at a photo agree on, and what was known of it before."""
    labels = []
    taken = np.zeros(len(known.boxes), bool)
    free = np.ones(len(looks.scores), bool)
    for first in np.argsort(-looks.scores):
        if not free[first]:
            continue
        overlap = _iou(looks.boxes[first], looks.boxes)
        chosen = _best_of_each(looks, np.flatnonzero(free & (overlap > _SAME_IOU)), overlap)
        free[overlap > _NEAR_IOU] = False  # nor is what lies across it another face
        box, landmarks = _mean(looks, chosen)
        before = _iou(box, known.boxes)
        before[taken] = 0
        match = int(before.argmax()) if before.size and before.max() > _NEAR_IOU else None
        share, score = _support(looks, chosen)
        certain = share >= _FACE_SHARE and score >= _FACE_SCORE
        if match is not None:
            taken[match] = True
            labels.append(Label(box, landmarks, score, bool(known.ignored[match]) and not certain))
        elif certain or (share >= _DOUBTFUL_SHARE and score >= _DOUBTFUL_SCORE):
            labels.append(Label(box, landmarks, score, not certain))
    for place in np.flatnonzero(~taken):
        labels.append(Label(known.boxes[place], known.landmarks[place], _LEAST_SCORE, bool(known.ignored[place])))
    return labels


def _iou(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    return overlap(Box(*map(float, box)), boxes)[0]


def _best_of_each(looks: Looks, places: NDArray[np.int64], overlap: NDArray[np.float64]) -> NDArray[np.int64]:
    """One of `places` for each look: that which overlaps most."""
    order = places[np.argsort(-overlap[places], kind="stable")]
    return np.asarray(order[np.unique(looks.look[order], return_index=True)[1]], np.int64)


def _mean(looks: Looks, chosen: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Box and landmarks, those of sure and sharp looks counting more."""
    boxes = looks.boxes[chosen]
    side = np.sqrt(boxes[:, 2] * boxes[:, 3]) * looks.scales[looks.look[chosen]]
    weight = looks.scores[chosen] * np.clip(side / _SHARP_PX, 0.2, 1.0) * np.where(side > _SEEN_PX[1], 0.3, 1.0)
    landmarks = np.average(looks.landmarks[chosen], axis=0, weights=weight)
    return np.average(boxes, axis=0, weights=weight).astype(np.float32), landmarks.astype(np.float32)


def _support(looks: Looks, chosen: NDArray[np.int64]) -> tuple[float, float]:
    """Share of the looks that should see a face of this size and do (0 where too few should), and its mean score."""
    side = float(np.median(np.sqrt(looks.boxes[chosen, 2] * looks.boxes[chosen, 3])))
    could = (looks.scales * side > _SEEN_PX[0]) & (looks.scales * side < _SEEN_PX[1])
    share = float(could[looks.look[chosen]].sum() / could.sum()) if could.sum() >= _FEWEST_LOOKS else 0.0
    return share, float(looks.scores[chosen].mean())


def _write(path: Path, photos: dict[str, Photo], labels: dict[str, list[Label]], doubtful: bool) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for name, found in labels.items():
            for label in found:
                if label.doubtful == doubtful:
                    numbers = np.concatenate([label.box, label.landmarks.ravel()])
                    written = (f"{value:.2f}" for value in numbers.tolist())
                    writer.writerow([name, *written, f"{label.score:.3f}", photos[name].source])
