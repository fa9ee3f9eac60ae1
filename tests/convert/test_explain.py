from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.architectures.registry import ARCHITECTURES
from convert.cli import main
from convert.face_recipe import FaceRecipe
from convert.keras_start import start_keras
from convert.run import Run
from tests.convert.conftest import slow


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


def _brightness_reader(keras):
    """A network whose first label is the brightness of what it sees: where it is bright speaks for it."""
    from keras import layers

    inputs = layers.Input((48, 48, 1))
    x = layers.AveragePooling2D(8)(inputs)
    features = layers.Conv2D(2, 1, use_bias=False, name="reader")(x)
    outputs = layers.Dense(7, use_bias=False)(layers.GlobalAveragePooling2D()(layers.ReLU(name="last")(features)))
    model = keras.Model(inputs, outputs)
    model.get_layer("reader").set_weights([np.array([1.0, -1.0]).reshape(1, 1, 1, 2)])
    weights = np.zeros((2, 7), np.float32)
    weights[0, 0], weights[1, 1] = 1.0, 1.0
    model.layers[-1].set_weights([weights])
    return model


def _face() -> np.ndarray:
    """A bright square at the upper left."""
    image = np.full((48, 48), 40, np.uint8)
    image[8:16, 8:16] = 250
    return image


def test_grad_cam_shows_the_places_that_speak_for_the_label(keras):
    from convert.explain import grad_cam
    from edge.perceive.pictures import face_tensor

    model = _brightness_reader(keras)
    tensor = face_tensor(_face(), FaceRecipe().input)
    bright, features, logits = grad_cam(model, model.get_layer("last"), tensor, 0)
    assert bright.shape == features.shape[:2] == (6, 6)
    assert np.unravel_index(bright.argmax(), bright.shape) == (1, 1)
    assert bright.sum() == pytest.approx(1, abs=0.01)
    assert logits.argmax() == 1
    dark, _, _ = grad_cam(model, model.get_layer("last"), tensor)  # the largest logit
    assert dark[1, 1] == 0
    assert dark[5, 5] == 1
    assert not grad_cam(model, model.get_layer("last"), tensor, 5)[0].any()


def test_the_command_writes_pictures_for_each_face(keras, tmp_path: Path, capsys):
    run = tmp_path / "run"
    Run("face", FaceRecipe().input, FaceRecipe().names).write(run)
    _brightness_reader(keras).save(run / "model.keras")
    cv2.imwrite(str(tmp_path / "face.png"), _face())
    command = ["explain", str(run), str(tmp_path / "face.png"), "--out", str(tmp_path / "out")]
    assert main([*command, "--emotion", "angry"]) == 0
    assert "face-gradcam.png" in capsys.readouterr().out
    picture = cv2.imread(str(tmp_path / "out" / "face-gradcam.png"))
    red = picture[:192, 192:, 2].astype(int) - picture[:192, 192:, 0]
    assert red[40:56, 40:56].mean() > red[120:, 120:].mean() + 100
    assert cv2.imread(str(tmp_path / "out" / "face-features.png")) is not None

    assert main([*command, "--emotion", "bored"]) == 1
    assert "--emotion: expected one of angry" in capsys.readouterr().err
    assert main([*command, "--layer", "none"]) == 1
    assert "the last are" in capsys.readouterr().err
    assert main(["explain", str(run), str(run / "run.json"), "--out", str(tmp_path / "out")]) == 1
    assert "run.json: expected a picture" in capsys.readouterr().err


_OF_EVERY_KIND = ("edge-small", "mobile-attention", "vit-b32")


@pytest.mark.parametrize(
    "name", [name if name in _OF_EVERY_KIND else pytest.param(name, marks=slow) for name in ARCHITECTURES]
)
def test_networks_have_places_that_matter(keras, name, tmp_path: Path):
    if name.startswith(("vit", "resnet")):
        pytest.importorskip("keras_hub", reason="needs emotion-edge[papers]")
    from convert.architectures.registry import build_face_network
    from convert.explain import _layers, grad_cam

    keras.utils.set_random_seed(1)
    model = build_face_network(name, (64, 64, 1), 7)
    tensor = np.random.default_rng(1).uniform(-1, 1, (64, 64, 1)).astype(np.float32)
    heats = (grad_cam(model, layer, tensor, label)[0] for layer in _layers(model)[-3:] for label in range(7))
    assert any(heat.max() == pytest.approx(1) for heat in heats)
