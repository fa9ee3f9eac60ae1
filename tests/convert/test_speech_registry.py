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


def test_a_causal_network_hears_nothing_of_what_comes():
    import keras

    sound = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
    later = sound.copy()
    later[:, 20:] += 1
    differs = {}
    for name in ("separable", "separable-causal"):
        network = speech_architecture(name).build(SHAPE, 9)
        pooling = next(layer for layer in network.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D))
        steps = keras.Model(network.input, pooling.input)
        before, after = (steps.predict(tensor, verbose=0)[0, :, 0] for tensor in (sound, later))
        assert len(before) == 10  # four frames to a step
        differs[name] = np.abs(before - after).max(axis=1) > 0
    assert differs["separable-causal"].tolist() == [False] * 5 + [True] * 5
    assert differs["separable"].all()


def test_an_unknown_name_is_told_with_the_known_ones():
    known = "separable, separable-wide, separable-causal, separable-attention, lstm, cnn, cnn-lstm, svm, elm"
    with pytest.raises(ConfigError, match=f"{known}, got 'rnn'"):
        speech_architecture("rnn")
