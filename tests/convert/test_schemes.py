"""Number formats: what each makes of a model, and what is named where one cannot."""

from __future__ import annotations

import numpy as np
import pytest

from convert.float_model import float_outputs, from_keras, load_float
from convert.keras_start import start_keras
from convert.operations import operations
from convert.schemes import SCHEMES, UnquantizableError, convert


@pytest.fixture(scope="module")
def tensors() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (24, 12, 12, 1)).astype(np.float32)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("suffix", [".keras", ".tflite"])
def test_every_scheme_answers_nearly_as_the_original(tiny_keras, tensors, tmp_path, suffix, scheme):
    model = load_float(tiny_keras(suffix), tmp_path / "log")
    made = convert(model, scheme, tensors, tmp_path / "log")
    exact, found = float_outputs(model.tflite, tensors), float_outputs(made, tensors)
    # ai-edge-quantizer takes a moving average of the ranges, which cuts outliers.
    share = 0.06 if suffix == ".keras" and scheme != "mixed" else 0.2
    assert np.abs(exact - found).max() < share * (exact.max() - exact.min())
    kinds = {kind for operation in operations(made) for kind in operation.types}
    if scheme == "int8":
        assert kinds == {"int8"}
    assert ("int16" in kinds) == (scheme == "int16x8")


def test_in_mixed_precision_the_named_layers_stay_in_float(tiny_keras, tensors, tmp_path):
    model = load_float(tiny_keras(), tmp_path / "log")
    name = next(op.output for op in operations(model.tflite) if op.name == "DEPTHWISE_CONV_2D")
    by_name = {op.name: op for op in operations(convert(model, "mixed", tensors, tmp_path / "log", [name]))}
    assert by_name["DEPTHWISE_CONV_2D"].computes_in_float
    assert not by_name["CONV_2D"].computes_in_float


@pytest.mark.parametrize("suffix", [".keras", ".tflite"])
def test_an_operation_without_an_int8_form_is_named(tiny_keras, tensors, tmp_path, suffix):
    model = load_float(tiny_keras(suffix, unquantizable=True), tmp_path / "log")
    with pytest.raises(UnquantizableError, match=r"(?i)atan2") as caught:
        convert(model, "int8", tensors, tmp_path / "log")
    assert "ATAN2" in [name.upper() for name in caught.value.operations]


@pytest.mark.parametrize("scheme", ["int8", "int16x8", "mixed"])
def test_the_loop_of_a_recurrent_layer_is_named_before_the_converter_crashes_on_it(tmp_path, scheme):
    keras = start_keras(tmp_path / "log", tensorflow=True)
    inputs = keras.layers.Input((4, 3))
    model = from_keras(keras.Model(inputs, keras.layers.LSTM(5)(inputs)), tmp_path / "lstm", tmp_path / "log")
    with pytest.raises(UnquantizableError, match="no form for WHILE, the loop of a recurrent layer") as caught:
        convert(model, scheme, np.zeros((2, 4, 3), np.float32), tmp_path / "log")
    assert "mixed" not in caught.value.advice
