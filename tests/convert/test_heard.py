"""Noise that a model has not trained on, played to it as a device would hear it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.datasets.speech import Clip
from convert.heard import (
    ACTIVITIES,
    Sentences,
    false_alarms,
    held_out_noise,
    noise_windows,
    sentence_figures,
    sentences_heard,
)
from convert.run import Run
from convert.train_speech import LABELS, SPEECH_INPUT
from edge.demo.clip import synthetic_voice
from edge.perceive.package import find_package, load_package
from edge.perceive.runtime import Model


def test_the_noise_that_a_run_holds_out_is_read(small_corpora: Path, tmp_path: Path):
    for folder, held in (("fold", ["hum.wav"]), ("whole", [])):
        Run("speech", SPEECH_INPUT, LABELS, {"held_out_noise": held}).write(tmp_path / folder)
        assert len(held_out_noise(tmp_path / folder, small_corpora)) == len(held)


def test_windows_of_noise_come_every_half_second_and_one_at_least():
    spec = load_package(find_package("speech-emotion"), "speech").input
    assert noise_windows([], spec).shape == (0, *spec.shape)
    assert noise_windows([np.zeros(16_000, np.float32)], spec).shape == (1, *spec.shape)
    assert len(noise_windows([np.zeros(16_000 * 5, np.float32)], spec)) == 5


def test_a_voice_gives_observations_and_noise_no_emotion():
    model = Model(load_package(find_package("speech-emotion"), "speech"))
    noise = np.random.default_rng(0).normal(0, 0.03, 16_000 * 10).astype(np.float32)
    assert false_alarms(model, [noise], "silero") == {"seconds": 10.0, "observations": 0, "events": 0}
    assert false_alarms(model, [synthetic_voice(10)], "silero")["observations"] > 5
    assert false_alarms(model, [], "webrtc") == {"seconds": 0.0, "observations": 0, "events": 0}
    assert false_alarms(model, [noise], "cascade")["observations"] == 0
    assert ACTIVITIES.keys() == {"cascade", "webrtc", "silero"}


def test_a_sentence_is_heard_as_on_a_device_and_silence_is_not(tmp_path: Path, write_wav):
    model = Model(load_package(find_package("speech-emotion"), "speech"))
    spoken = Clip(write_wav(tmp_path / "voice.wav", synthetic_voice(4)), "ravdess", "ravdess-01", "happy")
    silent = Clip(write_wav(tmp_path / "silence.wav", np.zeros(16_000)), "ravdess", "ravdess-01", "happy")
    heard = sentences_heard(model, [spoken, silent, spoken], "silero")
    first, nothing, again = heard.observations
    assert (nothing, heard.told[1], heard.probabilities[1].max()) == (0, -1, 0)
    assert first > 3
    # Whatever came before, a sentence is somebody's first.
    assert again == first
    np.testing.assert_allclose(heard.probabilities[[0, 2]].sum(axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(heard.probabilities[2], heard.probabilities[0], atol=0.1)


def test_what_is_never_observed_is_wrong_and_what_is_told_counts_by_itself():
    shares = np.eye(7, dtype=np.float32)[[0, 1, 0, 3]]
    shares[2] = 0  # never observed, though the first emotion would have been right
    heard = Sentences(shares, np.array([3, 2, 0, 1]), np.array([0, -1, -1, 4]))
    measured = sentence_figures([heard, heard], [np.array([0, 0, 0, 3]), np.array([0, 1, 0, 3])])
    assert (measured["count"], measured["never_observed"]) == (8, 2)
    assert measured["uar_folds"] == [
        pytest.approx((1 / 3 + 1) / 2, abs=1e-3),
        pytest.approx((1 / 2 + 1 + 1) / 3, abs=1e-3),
    ]
    assert measured["accuracy"] == 5 / 8
    assert measured["ece"] == pytest.approx(1 / 6, abs=1e-3)  # sure of six, right five times
    assert (measured["told"], measured["told_right"]) == (0.5, 0.5)
