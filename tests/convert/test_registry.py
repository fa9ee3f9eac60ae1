from __future__ import annotations

import numpy as np
import pytest

from convert.keras_start import start_keras
from edge.errors import ConfigError


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


@pytest.mark.parametrize("name", ["edge", "edge-small", "mobile", "mobile-attention", "cnn"])
def test_our_networks_answer_for_each_face_alone(keras, name):
    from convert.architectures.registry import build_face_network

    model = build_face_network(name, (32, 32, 3), 8)
    faces = np.random.default_rng(3).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    together = model.predict(faces, verbose=0)
    assert together.shape == (3, 8)
    # The published code of patch attention mixes the images of a batch.
    np.testing.assert_allclose(model.predict(faces[1:2], verbose=0), together[1:2], atol=1e-4)


def test_every_name_is_built_or_explained(keras):
    from convert.architectures.registry import build_face_network

    with pytest.raises(ConfigError, match="edge, edge-small, mobile"):
        build_face_network("resnet51", (48, 48, 1), 7)
    with pytest.raises(ConfigError, match="head: cnn has only its own"):
        build_face_network("cnn", (48, 48, 1), 7, head="attention")
    with pytest.raises(ConfigError, match="head: expected one of pool, weighted, attention"):
        build_face_network("edge", (48, 48, 1), 7, head="middle")
    with pytest.raises(ConfigError, match="none for edge"):
        build_face_network("edge", (48, 48, 1), 7, weights="imagenet")
