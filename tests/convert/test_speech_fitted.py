"""Speech models that are solved, not trained step by step."""

from __future__ import annotations

import numpy as np
import pytest

from convert.architectures.speech_registry import SPEECH_ARCHITECTURES, speech_architecture
from convert.keras_start import start_keras

SHAPE = (40, 6)


@pytest.fixture(scope="module", autouse=True)
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


@pytest.mark.parametrize("name", [name for name, value in SPEECH_ARCHITECTURES.items() if value.solve])
def test_solved_models_tell_classes_by_their_statistics(name):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 150)
    tensors = rng.normal(0, 1, (150, *SHAPE)).astype(np.float32)
    tensors[:, :, 0] += 2 * labels[:, np.newaxis]  # a mean
    tensors[labels == 2] *= 3  # a spread
    model = speech_architecture(name).solve(tensors[:100], labels[:100], 5, 1)
    answers = model.predict(tensors[100:], verbose=0)
    assert answers.shape == (50, 5)
    assert (answers.argmax(axis=1) == labels[100:]).mean() > 0.9


@pytest.mark.parametrize("name", ["svm", "elm"])
def test_two_classes_are_told_apart_too(name):
    rng = np.random.default_rng(1)
    labels = np.where(rng.random(60) < 0.5, 1, 3)
    tensors = rng.normal(0, 1, (60, *SHAPE)).astype(np.float32)
    tensors[:, :, 0] += labels[:, np.newaxis]
    answers = speech_architecture(name).solve(tensors[:40], labels[:40], 5, 1).predict(tensors[40:], verbose=0)
    assert (answers.argmax(axis=1) == labels[40:]).mean() > 0.9
