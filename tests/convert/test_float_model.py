"""Models as their authors keep them."""

from __future__ import annotations

import numpy as np
import pytest

from convert.float_model import float_outputs, load_float
from convert.keras_start import start_keras
from edge.errors import ConfigError


@pytest.fixture
def tensors() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (5, 12, 12, 1)).astype(np.float32)


@pytest.mark.parametrize(
    "suffix", [".keras", ".h5", ".hdf5", "", ".tflite"], ids=["keras", "h5", "hdf5", "saved", "tflite"]
)
def test_every_form_answers_as_the_original(tiny_keras, tensors, tmp_path, suffix):
    model = load_float(tiny_keras(suffix), tmp_path / "log")
    assert (model.input_shape, model.classes) == ((12, 12, 1), 7)
    outputs = float_outputs(model.tflite, tensors)
    if suffix != "":  # a SavedModel's graph is closed: its softmax stays
        powers = np.exp(outputs)
        outputs = powers / powers.sum(axis=1, keepdims=True)
    keras = start_keras(tmp_path / "log", tensorflow=True)
    expected = keras.models.load_model(tiny_keras(".keras")).predict(tensors, verbose=0)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert model.softmax_removed == (suffix in (".keras", ".h5", ".hdf5"))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.keras", None, "no such file. Expected .keras, .h5"),
        ("broken.keras", b"no model", "expected a Keras model file that Keras"),
        ("broken.h5", b"no model", "expected a Keras model file that Keras"),
        ("broken.tflite", b"no model", "not a model that this TFLite runtime can run"),
        ("model.onnx", b"", "expected .keras, .h5"),
    ],
)
def test_what_cannot_be_read_is_one_message(tmp_path, name, content, told):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=told) as caught:
        load_float(tmp_path / name, tmp_path / "log")
    assert name in str(caught.value)


def test_a_size_that_the_model_does_not_have_is_refused(tiny_keras, tmp_path):
    with pytest.raises(ConfigError, match=r"--size: expected \(12, 12, 1\) as the model has it, got \(24, 24, 1\)"):
        load_float(tiny_keras(), tmp_path / "log", (24, 24, 1))


def test_a_quantized_file_is_no_float_model(tmp_path):
    from edge.perceive.package import find_package

    with pytest.raises(ConfigError, match="expected a float model, got one with int8 inputs"):
        load_float(find_package("face-emotion") / "model.tflite", tmp_path / "log")
