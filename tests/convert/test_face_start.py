"""What a face network begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.datasets.faces import LABELS, Faces
from convert.face_recipe import FaceRecipe
from convert.face_start import network, provenance
from convert.keras_start import start_keras
from edge.errors import ConfigError

_FACES = Faces(np.zeros((4, 48, 48), np.uint8), np.zeros(4, np.int64), np.zeros((4, len(LABELS)), np.float32))


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


def test_a_second_head_stands_beside_the_first(keras):
    made = network(replace(FaceRecipe(), architecture="edge-small"), _FACES, second="votes")
    assert made.output_shape == (None, 7 + 8)
    assert made.get_layer("both").input[1].shape == (None, 8)


def test_weights_of_keras_applications_come_from_a_file(keras, tmp_path: Path):
    """Where Keras cannot download them."""
    recipe = replace(FaceRecipe(), architecture="efficientnetv2b0", channels=3)
    body = keras.applications.EfficientNetV2B0(include_top=False, weights=None, include_preprocessing=False)
    file = tmp_path / "notop.weights.h5"
    body.save_weights(file)
    made = network(recipe, _FACES, str(file))
    stem = made.get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(stem, body.get_layer("stem_conv").get_weights()[0])
    assert provenance(str(file)) == "notop.weights.h5"
    with pytest.raises(ConfigError, match="ImageNet weights: there are none for edge"):
        network(FaceRecipe(), _FACES, str(file))
    with pytest.raises(ConfigError, match=r"VGG16: weights .* cannot be used"):
        network(replace(recipe, architecture="vgg16"), _FACES, str(file))


def test_a_file_that_is_no_model_is_named(keras, tmp_path: Path):
    (tmp_path / "notes.keras").write_text("nothing")
    with pytest.raises(ConfigError, match=r"notes\.keras: expected a Keras model to start from"):
        network(replace(FaceRecipe(), architecture="edge-small"), _FACES, str(tmp_path / "notes.keras"))
