from __future__ import annotations

import numpy as np
import pytest

from convert.float_model import float_outputs, from_keras
from convert.prepare import prepare
from convert.schemes import convert

_TENSORS = np.random.default_rng(3).uniform(-1, 1, (40, 12, 12, 3)).astype(np.float32)


@pytest.mark.parametrize("between", ["nothing", "separable"])
def test_int8_keeps_the_answers_of_uneven_channels(between, uneven, tmp_path):
    log = tmp_path / "log"
    model = from_keras(uneven(between), tmp_path / "uneven.keras", log)
    exact = float_outputs(model.tflite, _TENSORS)

    def off(made):
        return np.abs(float_outputs(convert(made, "int8", _TENSORS, log), _TENSORS) - exact).mean()

    without = off(model)
    prepared, pairs = prepare(model, _TENSORS, "int8", 0, log)
    assert pairs == 1
    assert off(prepared) < without / 3


@pytest.mark.parametrize("scheme", ["float16", "dynamic", "int16x8"])
def test_what_has_no_such_trouble_stays_as_it_is(scheme, uneven, tmp_path):
    model = from_keras(uneven("nothing"), tmp_path / "uneven.keras", tmp_path / "log")
    assert prepare(model, _TENSORS, scheme, 0, tmp_path / "log") == (model, 0)


def test_a_model_of_open_size_keeps_the_size_that_was_given(uneven, tmp_path):
    import keras

    fixed = uneven("nothing")
    inputs = keras.layers.Input((None, None, 3))
    opened = keras.models.clone_model(fixed, input_tensors=inputs)
    opened.set_weights(fixed.get_weights())
    model = from_keras(opened, tmp_path / "open.keras", tmp_path / "log", (12, 12, 3))
    prepared, pairs = prepare(model, _TENSORS, "int8", 0, tmp_path / "log")
    assert (pairs, prepared.input_shape) == (1, (12, 12, 3))
