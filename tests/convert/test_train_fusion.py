"""A fusion is trained, quantized, measured and packaged, on senses that are wrong in ways of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert import train_fusion as module
from convert.keras_start import start_keras
from convert.pairs import Said
from convert.train_fusion import Senses, Sizes, fusion_table, train_fusion
from edge.errors import ConfigError
from edge.perceive.package import load_package


def sense(seed: int, confused: tuple[int, int], count: int = 140) -> Said:
    """Right with 0.6 where it is sure, and blind to the difference between two emotions."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 7
    logits = rng.normal(0, 0.8, (count, 7))
    logits[np.arange(count), labels] += 2.0
    logits[:, confused] = logits[:, confused].mean(axis=1, keepdims=True) + rng.normal(0, 0.1, (count, 2))
    powers = np.exp(logits)
    return Said((powers / powers.sum(axis=1, keepdims=True)).astype(np.float32), labels, np.ones(count, np.float32))


def noise(seed: int) -> Said:
    spoken = sense(seed, (0, 1), 42)
    return Said(np.roll(spoken.probabilities, 3, axis=0), spoken.labels, np.full(42, 0.2, np.float32))


def test_fusion_beats_either_sense_and_noise_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    start_keras(tmp_path / "keras.log", tensorflow=True)
    voices = [sense(10 + fold, (2, 3)) for fold in range(2)]
    senses = Senses(sense(1, (4, 5)), sense(2, (4, 5)), voices, [noise(20), noise(21)])
    monkeypatch.setattr(module, "what_senses_said", lambda *_: senses)
    out = tmp_path / "fusion"
    metrics = train_fusion(tmp_path, tmp_path, tmp_path, out, Sizes(pairs=4000, epochs=6))
    both = {name: values["uar"] for name, values in metrics["face and voice"].items()}
    assert both["learned"] > max(both["face alone"], both["voice alone"]) + 0.02
    assert abs(both["learned"] - both["learned, float"]) < 0.05
    silent = metrics["no voice"]
    assert silent["learned"] == silent["log_linear"] == silent["face alone"]
    noisy = metrics["noise as the voice, as the device hears it"]
    assert noisy["learned"]["uar"] == noisy["face alone"]["uar"]  # its quality is below what counts as a voice
    package = load_package(out, "fusion")
    assert package.description["files"]["model.tflite"]["bytes"] < 20_000
    assert "non-commercial" in package.licence
    card = (out / "README.md").read_text()
    assert "synthetic" in card
    assert "| learned | " in card
    assert "learned" in fusion_table(metrics)


def test_fold_models_are_needed(tmp_path: Path):
    with pytest.raises(ConfigError, match="expected two fold models or more"):
        train_fusion(tmp_path, tmp_path, tmp_path, tmp_path / "out")
