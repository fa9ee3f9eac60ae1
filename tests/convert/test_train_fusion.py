"""A fusion is trained, quantized, measured and packaged, on senses that are wrong in ways of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert import train_fusion as module
from convert.keras_start import start_keras
from convert.run import read_run
from convert.senses import Senses, read_senses
from convert.train_fusion import Sizes, fusion_table, train_fusion
from edge.errors import ConfigError
from edge.records import EMOTIONS
from tests.convert.made_up_senses import noise, sense

pytestmark = pytest.mark.timeout(400)  # TensorFlow trains and converts: minutes on a busy machine


def test_fusion_beats_either_sense_and_noise_costs_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    keras = start_keras(tmp_path / "keras.log", tensorflow=True)
    voices = [sense(10 + fold, (2, 3)) for fold in range(2)]
    senses = Senses(sense(1, (4, 5)), sense(2, (4, 5)), voices, [noise(20), noise(21)])
    monkeypatch.setattr(module, "what_senses_said", lambda *_: senses)
    out = tmp_path / "fusion"
    metrics = train_fusion(tmp_path, tmp_path, tmp_path, out, Sizes(pairs=8000, epochs=8))
    both = {name: values["uar"] for name, values in metrics["face and voice"].items()}
    assert both["learned"] > max(both["face alone"], both["voice alone"]) + 0.02
    assert abs(both["learned"] - both["learned, float"]) < 0.05
    silent = metrics["no voice"]
    assert silent["learned"] == silent["log_linear"] == silent["face alone"]
    noisy = metrics["noise as the voice, as the device hears it"]
    assert noisy["learned"]["uar"] == noisy["face alone"]["uar"]  # its quality is below what counts as a voice
    run = read_run(out)
    assert (run.task, run.labels, run.about["figures"]) == ("fusion", EMOTIONS, metrics)
    assert read_senses(out).noises[1].labels.tolist() == senses.noises[1].labels.tolist()
    fused = keras.models.load_model(out / "model.keras", compile=False)
    assert fused.count_params() < 10_000
    assert "learned" in fusion_table(metrics)


def test_fold_models_are_needed(tmp_path: Path):
    with pytest.raises(ConfigError, match="expected two fold models or more"):
        train_fusion(tmp_path, tmp_path, tmp_path, tmp_path / "out")
