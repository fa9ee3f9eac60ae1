"""Quantization-aware fine-tuning."""

from __future__ import annotations

import numpy as np
import pytest

from convert.architectures.detector import pyramid
from convert.finetune import finetune, rounded
from convert.float_detector import detector_from_keras
from convert.float_model import float_outputs, load_float, load_keras
from convert.keras_start import start_keras
from convert.quantize_detector import calibration
from edge.errors import ConfigError
from edge.perceive.inputs import DetectorInput
from tests.convert.conftest import CHECKPOINT


def test_the_weights_move_a_little_and_the_answers_stay(tiny_keras, tmp_path):
    model = load_float(tiny_keras(".h5"), tmp_path / "log")
    tensors = np.random.default_rng(0).uniform(-1, 1, (32, 12, 12, 1)).astype(np.float32)
    before = float_outputs(model.tflite, tensors)
    tuned = finetune(model, tensors, 1, tmp_path / "log")
    after = float_outputs(tuned.tflite, tensors)
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(after, before, atol=0.05)


def test_only_keras_models_can_be_trained(tiny_keras, tmp_path):
    model = load_float(tiny_keras(".tflite"), tmp_path / "log")
    with pytest.raises(ConfigError, match="--finetune needs a Keras model"):
        finetune(model, np.zeros((1, 12, 12, 1), np.float32), 1, tmp_path / "log")


def test_a_detector_keeps_its_scores_and_places(small_photos, tmp_path):
    start_keras(tmp_path / "log", tensorflow=True)
    network = pyramid((64, 96, 3), bounded=True)
    network.set_weights(load_keras(CHECKPOINT / "model.keras", tmp_path / "log").get_weights())
    model = detector_from_keras(network, tmp_path / "mine.keras", tmp_path / "log")
    tensors = calibration(small_photos, DetectorInput(64, 96, 3, -1.0, 1.0), 6).tensors

    def answers() -> dict[str, np.ndarray]:
        return {name: output.numpy() for name, output in network(tensors, training=False).items()}

    before = answers()
    finetune(model, tensors, 2, tmp_path / "log")
    after = answers()
    sure = before["score"][..., 0] > 2.5
    assert sure.any()
    for name in ("score", "box", "landmarks"):
        assert not np.array_equal(after[name], before[name])
        np.testing.assert_allclose(after[name][sure], before[name][sure], atol=0.3)


@pytest.mark.parametrize(
    ("behind", "names"),
    [
        (("relu",), ["relu"]),
        (("relu6",), ["relu6"]),
        (("normalised", "relu"), ["relu"]),
        (("plus", "relu6"), ["relu6"]),
        (("sigmoid",), ["conv", "sigmoid"]),
        (("leaky",), ["conv", "leaky"]),
        (("pooled",), ["conv", "pooled"]),
        (("conv2",), ["conv", "conv2"]),
        (("read twice",), ["conv", "relu", "sum"]),
    ],
)
def test_what_tflite_rounds_is_rounded(behind, names, tmp_path):
    layers = start_keras(tmp_path / "log", tensorflow=True).layers
    import keras

    inputs = layers.Input((8, 8, 2))
    x = layers.Conv2D(3, 3, name="conv")(inputs)
    for name in behind:
        if name == "plus":
            x = x + 2.5
        elif name == "read twice":
            x = layers.Add(name="sum")([x, layers.ReLU(name="relu")(x)])
        else:
            made = {
                "relu": layers.ReLU,
                "relu6": lambda name: layers.Activation("relu6", name=name),
                "normalised": layers.BatchNormalization,
                "sigmoid": lambda name: layers.Activation("sigmoid", name=name),
                "leaky": lambda name: layers.ReLU(negative_slope=0.1, name=name),
                "pooled": lambda name: layers.MaxPooling2D(name=name),
                "conv2": lambda name: layers.Conv2D(3, 1, name=name),
            }[name]
            x = made(name=name)(x)
    assert [step.operation.name for step in rounded(keras.Model(inputs, x))] == names


def test_of_the_own_detector_scores_are_rounded_only_when_they_are_cut(tmp_path):
    start_keras(tmp_path / "log", tensorflow=True)
    found = {step.operation.name for step in rounded(pyramid((64, 64, 3), bounded=True))}
    assert {"score0_bound", "box1_bound", "stage1_0_depth", "lateral1_relu"} <= found
    assert not {"score0", "box1", "stage1_0_conv", "stage1_0_bn"} & found
