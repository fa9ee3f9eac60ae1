"""The network of late fusion: what passes the hidden layers by, and what they add."""

from __future__ import annotations

import numpy as np
import pytest

from convert.architectures.fusion import late_fusion
from convert.keras_start import start_keras


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory):
    keras = start_keras(tmp_path_factory.mktemp("log") / "keras.log")
    keras.utils.set_random_seed(7)
    return late_fusion((20,), 7)


def test_with_nothing_from_its_hidden_layers_it_is_a_weighted_sum_of_both_senses(network) -> None:
    senses = np.random.default_rng(7).random((5, 20)).astype(np.float32)
    *hidden, straight, corrected = (layer for layer in network.layers if layer.weights)
    assert [layer.units for layer in hidden] == [48, 32]
    both = network.predict(senses, verbose=0)
    assert both.shape == (5, 7)
    corrected.set_weights([np.zeros_like(values) for values in corrected.get_weights()])
    matrix, bias = straight.get_weights()
    alone = network.predict(senses, verbose=0)
    np.testing.assert_allclose(alone, senses @ matrix + bias, atol=1e-5)
    assert np.abs(both - alone).max() > 0.01  # the hidden layers did say something before


def test_its_answers_are_logits_and_it_stays_small(network) -> None:
    answers = network.predict(10 * np.ones((1, 20), np.float32), verbose=0)
    assert answers.min() < 0 or answers.max() > 1  # no softmax at its end: calibration comes after it
    assert network.count_params() == 20 * 48 + 48 + 48 * 32 + 32 + (20 + 1) * 7 + (32 + 1) * 7
