"""The detectors that ours is compared with."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from convert.detector_peers import Haar, YuNet
from edge.errors import ConfigError
from edge.records import Box

MODELS = Path(__file__).parents[2].parent / "shared" / "models"
FACE = Box(176, 66, 92, 118)


@pytest.mark.skipif(not MODELS.is_dir(), reason="needs YuNet's files")
def test_yunet_finds_the_face_and_its_landmarks():
    found = max(YuNet(MODELS / "yunet_n_320_320.onnx", 320).detect(astronaut()), key=lambda item: item.score)
    assert found.box.iou(FACE) > 0.5
    assert found.landmarks[0, 0] < found.landmarks[2, 0] < found.landmarks[1, 0]


def test_a_file_that_is_no_network_is_named(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="cannot read it"):
        YuNet(tmp_path / "no.onnx", 320)


@pytest.mark.skipif(not hasattr(cv2, "CascadeClassifier"), reason="OpenCV 5 has no Haar cascades")
def test_the_cascade_finds_a_frontal_face_and_nothing_where_there_is_no_room():
    best = max(Haar().detect(astronaut()), key=lambda item: item.score)
    assert best.box.iou(FACE) > 0.5
    assert 0.5 < best.score < 1
    assert Haar().detect(np.zeros((20, 20, 3), np.uint8)) == []


@pytest.mark.skipif(hasattr(cv2, "CascadeClassifier"), reason="OpenCV 4 has them")
def test_without_cascades_that_is_said():
    with pytest.raises(ConfigError, match="expected OpenCV 4"):
        Haar()
