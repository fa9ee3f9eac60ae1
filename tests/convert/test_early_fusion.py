"""Feature-level fusion, the experiment beside the late one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from convert.early_fusion import EarlyFusion, Known, compare_early
from convert.int8 import convert_int8
from convert.keras_start import start_keras
from convert.package import write_package
from convert.run import Run
from convert.train_fusion import NOISE_AS_VOICE, NOISE_ON_DEVICE, Sizes
from convert.train_speech import train_speech
from edge.perceive.inputs import FaceInput
from edge.records import EMOTIONS
from tests.convert.conftest import slow


def _known(half: np.ndarray, labels: np.ndarray, seed: int) -> Known:
    """Embeddings that tell one of three groups of emotions, and nothing else."""
    noise = np.random.default_rng(seed).normal(0, 0.2, (len(labels), 5))
    return Known((np.eye(3, 5)[half] * 3 + noise).astype(np.float32), labels)


def test_what_neither_sense_tells_alone_is_told_by_both(tmp_path: Path):
    start_keras(tmp_path / "keras.log", tensorflow=True)
    labels = np.arange(210) % 7
    faces, voices = _known(labels % 3, labels, 1), _known(labels // 3, labels, 2)
    noises = np.random.default_rng(3).normal(0, 1, (20, 5)).astype(np.float32)
    fusion = EarlyFusion(faces, voices, noises, Sizes(pairs=7000, epochs=6))
    heard = np.ones(210, bool)
    both = fusion.answer(faces.values, voices.values, heard)
    np.testing.assert_allclose(both.sum(axis=1), 1, atol=1e-4)
    assert (both.argmax(axis=1) == labels).mean() > 0.9
    # Without the voice what is said of it counts for nothing, and the face leaves its group's two or three emotions.
    alone = fusion.answer(faces.values, 9 * voices.values, ~heard)
    np.testing.assert_allclose(alone, fusion.answer(faces.values, voices.values, ~heard), atol=1e-5)
    assert (alone.argmax(axis=1) % 3 == labels % 3).mean() > 0.9
    assert (alone.argmax(axis=1) == labels).mean() < 0.6


@slow
@pytest.mark.timeout(600)
def test_early_and_late_fusion_are_tried_on_the_same_pairs(small_fer: Path, tmp_path: Path, write_wav):
    data, run, face = tmp_path / "data", tmp_path / "face-run", tmp_path / "face"
    rng = np.random.default_rng(5)
    for actor in (1, 5):
        for emotion in range(1, 9):
            tone = 0.3 * np.sin(np.arange(12_000) * 0.02 * emotion) + 0.01 * rng.standard_normal(12_000)
            write_wav(data / "ravdess" / f"03-01-{emotion:02}-01-01-01-{actor:02}.wav", tone)
    for name in ("hum", "rustle"):
        write_wav(data / "noise" / f"{name}.wav", 0.1 * rng.standard_normal(16_000))
    (data / "fer2013").symlink_to(small_fer)
    train_speech(data, tmp_path / "speech", folds=True, architecture="svm", whole=False)
    assert not (tmp_path / "speech" / "model.keras").exists()

    keras = start_keras(tmp_path / "keras.log", tensorflow=True)
    layers = keras.layers
    inputs = layers.Input((48, 48, 1))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(6, 5, strides=4, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(7, name="logits")(x))
    described = Run("face", FaceInput(48, 48, 1, -1.0, 1.0, 0.0), EMOTIONS, {"data": ["fer2013"]})
    described.write(run)
    model.save(run / "model.keras")
    tensors = rng.uniform(-1, 1, (8, 48, 48, 1)).astype(np.float32)
    write_package(face, described, convert_int8(model, tensors, tmp_path / "quantize.log"))

    told = compare_early(tmp_path / "speech", face, run, data, tmp_path / "out", Sizes(pairs=700, epochs=1))
    for condition, ways in told.items():
        assert {"early", "learned", "log_linear", "face alone"} <= ways.keys(), condition
        assert 0 <= ways["early"]["uar"] <= 1
    assert {NOISE_AS_VOICE, NOISE_ON_DEVICE} <= told.keys()
    (stored,) = json.loads((tmp_path / "out" / "report.json").read_text()).values()
    assert stored == told
    assert "| early |" in (tmp_path / "out" / "report.md").read_text()
