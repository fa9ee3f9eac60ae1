"""Every speech architecture by its name: shapes, budget, and that it can learn."""

from __future__ import annotations

import numpy as np
import pytest

from convert.architectures.speech_registry import SPEECH_ARCHITECTURES, speech_architecture
from convert.keras_start import start_keras
from convert.train_speech import LABELS, SPEECH_INPUT
from edge.errors import ConfigError

SHAPE = (40, 6)


@pytest.fixture(scope="module", autouse=True)
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


def test_the_devices_network_is_within_the_budget_of_a_second_of_speech():
    from convert.architectures.count import multiply_adds
    from edge.config import SpeechConfig

    network = speech_architecture("separable").build((SPEECH_INPUT.frames, SPEECH_INPUT.channels), len(LABELS))
    hop_s = SpeechConfig().hop_ms * 16 // 512 * 0.032
    assert multiply_adds(network) / hop_s <= 10e6
    assert network.count_params() < 300_000


@pytest.mark.parametrize("name", [name for name, value in SPEECH_ARCHITECTURES.items() if value.build])
def test_networks_give_a_logit_for_each_class(name):
    network = speech_architecture(name).build(SHAPE, 9)
    assert network.predict(np.zeros((2, *SHAPE), np.float32), verbose=0).shape == (2, 9)


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(ConfigError, match="separable, lstm, cnn, cnn-lstm, svm, elm, got 'rnn'"):
        speech_architecture("rnn")
