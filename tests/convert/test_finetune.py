"""Quantization-aware fine-tuning."""

from __future__ import annotations

import numpy as np
import pytest

from convert.finetune import finetune
from convert.float_model import float_outputs, load_float
from edge.errors import ConfigError


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
