from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.face_recipe import FaceRecipe
from convert.run import Run
from edge.errors import ConfigError

pytestmark = pytest.mark.usefixtures("eager")


def test_a_network_comes_back_from_its_package_and_can_be_trained_on(tmp_path: Path):
    import keras

    from convert.architectures.registry import build_face_network
    from convert.dequantize import restore
    from convert.int8 import convert_int8
    from convert.package import write_package

    keras.utils.set_random_seed(1)
    spec = FaceRecipe(size=24).input
    rng = np.random.default_rng(1)
    faces = rng.uniform(-1, 1, (32, *spec.shape)).astype(np.float32)
    first = build_face_network("mobile", spec.shape, 7, dropout=0.0)
    for layer in first.layers:  # as after training: no statistic is what it starts with
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in layer.weights])
    write_package(tmp_path, Run("face", spec, FaceRecipe().names), convert_int8(first, faces, tmp_path / "log"))

    again = build_face_network("mobile", spec.shape, 7, dropout=0.0)
    restore(again, tmp_path, faces)
    expected = np.asarray(first(faces, training=False))
    spread = expected.std()
    assert np.abs(np.asarray(again(faces, training=False)) - expected).mean() < 0.05 * spread
    # With the statistics of the batch, as in training, it answers the same too.
    in_training = np.asarray(again(faces, training=True))
    assert np.corrcoef(in_training.ravel(), expected.ravel())[0, 1] > 0.99

    other = build_face_network("edge-small", spec.shape, 7)
    with pytest.raises(ConfigError, match="expected the weights of edge, but its layers have other shapes"):
        restore(other, tmp_path, faces)
