"""`python -m bench.detect_every VIDEO...`: what is lost where not every frame is searched for faces.

Each video is looked at as from a camera, and once more swinging to and fro, for each number of `[face] detect_every`;
the first, 1, is what the others are compared with.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture.video_file import VideoFile
from edge.config import CameraConfig, Config, MicrophoneConfig
from edge.perceive.detector import CellDetector, Detection
from edge.perceive.face import FacePerception
from edge.records import FaceObservation, Frame
from edge.service.models import LoadedModels, load_models

# Peak speeds of 1.5 widths of a face a second, for a face of a third of the picture's width.
_ACROSS, _ACROSS_S = 0.18, 2.0
_DOWN, _DOWN_S = 0.08, 1.3


@dataclass
class Difference:
    """Of all videos; sums over the frames in which both found a face."""

    searches: int = 0
    frames: int = 0
    people: int = 0
    both: int = 0
    overlap: float = 0.0
    expression: float = 0.0
    label: int = 0
    worst: float = field(default=1.0)

    def add(self, searches: int, found: list[list[FaceObservation]], every: list[list[FaceObservation]]) -> None:
        self.searches += searches
        self.frames += sum(bool(faces) for faces in found)
        self.people += len({face.track_id for faces in found for face in faces})
        for ours, theirs in zip(found, every, strict=True):
            if not ours or not theirs:
                continue
            overlap = ours[0].box.iou(theirs[0].box)
            self.both += 1
            self.overlap += overlap
            self.worst = min(self.worst, overlap)
            self.expression += float(np.abs(ours[0].probabilities - theirs[0].probabilities).sum()) / 2
            self.label += int(ours[0].probabilities.argmax() != theirs[0].probabilities.argmax())

    def __str__(self) -> str:
        both = max(self.both, 1)
        return (
            f"{self.searches:6} searches, {self.frames:6} frames with a face, {self.people:4} ids; boxes overlap by "
            f"{self.overlap / both:6.1%} (worst {self.worst:4.0%}), expression differs by {self.expression / both:5.1%}"
            f", label in {self.label / both:5.1%}"
        )


class _Counted:
    """A detector that knows how often it was asked."""

    def __init__(self, detector: CellDetector) -> None:
        self._detector = detector
        self.asked = 0

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        self.asked += 1
        return self._detector.detect(image)


def frames(path: Path, swing: bool) -> Iterator[Frame]:
    with closing(VideoFile(path, Config().camera.fps)) as video:
        for number, piece in enumerate(video.pieces()):
            image, at = piece.payload, piece.start_ns / 1e9
            if swing:
                height, width = image.shape[:2]
                across = _ACROSS * width * np.sin(2 * np.pi * at / _ACROSS_S)
                down = _DOWN * height * np.sin(2 * np.pi * at / _DOWN_S)
                moved = np.array([[1, 0, across], [0, 1, down]], np.float32)
                image = np.asarray(
                    cv2.warpAffine(image, moved, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8
                )
            yield Frame(np.ascontiguousarray(image), piece.start_ns, number)


def looked(loaded: LoadedModels, every: int, seen: list[Frame]) -> tuple[int, list[list[FaceObservation]]]:
    assert loaded.detector
    assert loaded.face
    counted = _Counted(loaded.detector[0])
    perception = FacePerception(replace(Config().face, detect_every=every), counted, loaded.face[0])
    found = [perception.observe(frame) for frame in seen]
    return counted.asked, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path, nargs="+", help="videos of a few seconds with one face")
    parser.add_argument("--every", type=int, nargs="+", default=[2, 3, 5], help="the numbers that are compared with 1")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    config = replace(Config(), camera=CameraConfig(), microphone=MicrophoneConfig(enabled=False))
    loaded = load_models(config)
    for swing in (False, True):
        differences = {every: Difference() for every in (1, *options.every)}
        for path in options.videos:
            seen = [*frames(path, swing)]
            first = looked(loaded, 1, seen)
            for every, difference in differences.items():
                difference.add(*(first if every == 1 else looked(loaded, every, seen)), first[1])
        print(f"{len(options.videos)} videos{', swinging' if swing else ''}, {config.camera.fps:g} frames a second")
        for every, difference in differences.items():
            print(f"  every {every}: {difference}", flush=True)


if __name__ == "__main__":
    main()
