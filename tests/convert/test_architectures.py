from __future__ import annotations

import numpy as np
import pytest

from convert.keras_start import start_keras
from convert.train_speech import SPEECH_INPUT


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


def test_the_face_network_is_within_the_budget_of_a_raspberry_pi(keras):
    from convert.architectures.count import multiply_adds
    from convert.architectures.face import mobile

    model = mobile((48, 48, 1), 7)
    assert 15e6 < multiply_adds(model) < 30e6
    assert model.count_params() < 1_000_000
    assert model.predict(np.zeros((2, 48, 48, 1), np.float32), verbose=0).shape == (2, 7)
    assert mobile((64, 64, 3), 8).output_shape == (None, 8)


def test_the_speech_network_is_within_the_budget_of_a_raspberry_pi(keras):
    from convert.architectures.count import multiply_adds
    from convert.architectures.speech import separable

    model = separable(SPEECH_INPUT.shape, 7)
    assert multiply_adds(model) < 10e6
    assert model.count_params() < 150_000
    assert model.predict(np.zeros((2, *SPEECH_INPUT.shape), np.float32), verbose=0).shape == (2, 7)


def test_multiply_adds_counted_by_hand(keras):
    from keras import layers

    from convert.architectures.count import multiply_adds

    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, padding="same", strides=2),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5),
        ]
    )
    assert multiply_adds(model) == 4 * 4 * 4 * (9 * 3) + 4 * 4 * 4 * 9 + 4 * 5
