"""The detectors that ours is compared with."""

from __future__ import annotations

from pathlib import Path

import pytest
from skimage.data import astronaut

from convert.detector_peers import YuNet
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
