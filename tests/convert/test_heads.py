"""Every head, on a small network."""

from __future__ import annotations

import numpy as np
import pytest

from convert.keras_start import start_keras


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


@pytest.mark.parametrize("head", ["pool", "weighted", "attention"])
def test_each_head_becomes_int8(keras, head, tmp_path):
    from convert.architectures.registry import build_face_network
    from convert.int8 import convert_int8

    model = build_face_network("edge-small", (24, 24, 1), 7, head=head)
    tensors = np.random.default_rng(4).uniform(-1, 1, (4, 24, 24, 1)).astype(np.float32)
    assert len(convert_int8(model, tensors, tmp_path / "log")) < 250_000


def test_the_weighted_head_starts_as_the_average(keras):
    from keras import layers

    from convert.architectures.heads import _weighted

    maps = np.random.default_rng(1).normal(size=(2, 3, 3, 4)).astype(np.float32)
    inputs = layers.Input((3, 3, 4))
    said = keras.Model(inputs, _weighted(inputs)).predict(maps, verbose=0)
    np.testing.assert_allclose(said, maps.mean(axis=(1, 2)), atol=1e-3)
