"""The papers' speech networks."""

from __future__ import annotations

import numpy as np
import pytest

from convert.keras_start import start_keras

SHAPE = (40, 6)


@pytest.fixture(scope="module", autouse=True)
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


@pytest.mark.parametrize("name", ["lstm", "cnn", "cnn_lstm"])
def test_each_answers_for_a_window_alone_and_looks_at_its_order(name: str):
    from convert.architectures import speech_papers

    network = getattr(speech_papers, name)(SHAPE, 5)
    sounds = np.random.default_rng(2).normal(size=(3, *SHAPE)).astype(np.float32)
    together = network.predict(sounds, verbose=0)
    np.testing.assert_allclose(network.predict(sounds[1:2], verbose=0), together[1:2], atol=1e-4)
    assert not np.allclose(network.predict(sounds[:, ::-1], verbose=0), together, atol=1e-4)
