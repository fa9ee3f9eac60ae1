"""The demo's clip: made the same every time, with a face and a voice in it."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from edge.demo.clip import FPS, SECONDS, synthetic_voice, write_clip
from edge.perceive.detector import CellDetector
from edge.perceive.package import find_package, load_package


def test_a_face_enters_stays_and_leaves(tmp_path: Path):
    write_clip(tmp_path / "clip.mkv")
    detector = CellDetector(load_package(find_package("face-detector"), "detector"))
    with av.open(str(tmp_path / "clip.mkv")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == FPS * SECONDS
    assert frames[0].shape == (480, 640, 3)
    faces = [len(detector.detect(cv2.resize(frame, (640, 480)))) for frame in frames[:: FPS // 3]]
    assert faces[0] == faces[-1] == 0
    middle = faces[len(faces) // 3 : 2 * len(faces) // 3]
    assert set(middle) == {1}


def test_the_synthetic_voice_is_the_same_every_time_and_does_not_clip():
    voice = synthetic_voice(3)
    np.testing.assert_array_equal(voice, synthetic_voice(3))
    assert voice.shape == (48_000,)
    assert 0.2 < np.abs(voice).max() < 1
