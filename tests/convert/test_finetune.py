"""Quantization-aware fine-tuning."""

from __future__ import annotations

import numpy as np
import pytest

from convert.architectures.detector import pyramid
from convert.finetune import finetune
from convert.float_detector import detector_from_keras, load_trained
from convert.float_model import float_outputs, load_float
from convert.keras_start import start_keras
from convert.quantize_detector import calibration
from edge.errors import ConfigError
from edge.perceive.features import DetectorInput
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
    network.set_weights(load_trained(CHECKPOINT / "model.keras", tmp_path / "log").get_weights())
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
