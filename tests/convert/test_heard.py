"""Noise that a model has not trained on, played to it as a device would hear it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from convert.heard import ACTIVITIES, false_alarms, held_out_noise, noise_windows
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
