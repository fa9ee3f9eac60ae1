"""What teachers say of a window becomes most of its target; a teacher that knows too much is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.keras_start import start_keras
from convert.run import Run
from convert.speech_teachers import SpeechTeachers
from convert.train_speech import LABELS, SPEECH_INPUT
from edge.errors import ConfigError

ABOUT: dict[str, Any] = {"held_out": ["ravdess-01"], "held_out_noise": ["hum.wav"]}
TAUGHT = Run("speech", SPEECH_INPUT, LABELS, ABOUT)


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


def _teacher(keras: Any, folder: Path, run: Run) -> Path:
    """It says the first label by the mean of the window as its own training standardised it."""
    layers = keras.layers
    inputs = layers.Input(SPEECH_INPUT.shape)
    last = layers.Dense(len(LABELS), kernel_initializer="zeros", use_bias=False)
    model = keras.Model(inputs, last(layers.GlobalAveragePooling1D()(inputs)))
    weights = np.zeros((SPEECH_INPUT.channels, len(LABELS)), np.float32)
    weights[:, 0] = 1 / SPEECH_INPUT.channels
    last.set_weights([weights])
    run.write(folder)
    model.save(folder / "model.keras")
    return folder


def test_a_teacher_hears_the_window_in_its_own_standard(keras, tmp_path: Path):
    scaled = replace(SPEECH_INPUT, mean=(2.0,) * 34, std=(0.5,) * 34)
    teachers = SpeechTeachers([_teacher(keras, tmp_path, replace(TAUGHT, input=scaled))], TAUGHT)
    labels = np.eye(len(LABELS), dtype=np.float32)[[3]]
    (target,) = teachers.targets(np.full((1, *SPEECH_INPUT.shape), 3.0, np.float32), labels)
    said = np.exp(2.0) / (np.exp(2.0) + len(LABELS) - 1)  # (3 - 2) / 0.5
    assert target[0] == pytest.approx(0.6 * said, abs=1e-4)
    assert target[3] == pytest.approx(0.4 + 0.6 * (1 - said) / (len(LABELS) - 1), abs=1e-4)
    assert target.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"about": {**ABOUT, "held_out": []}}, "leak: the teacher was trained on ravdess-01"),
        ({"about": {**ABOUT, "held_out_noise": []}}, r"leak: the teacher was trained on hum\.wav"),
        ({"input": replace(SPEECH_INPUT, energy=True)}, "expected a teacher that hears the same features"),
        ({"labels": LABELS[:-1]}, "expected the labels angry, "),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any], message: str):
    replace(TAUGHT, **change).write(tmp_path)
    with pytest.raises(ConfigError, match=message):
        SpeechTeachers([tmp_path], TAUGHT)
