"""A fusion becomes a package, or does not ship, as the other models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from convert.architectures.fusion import late_fusion
from convert.cli import main
from convert.keras_start import start_keras
from convert.run import Run
from convert.senses import Senses, write_senses
from convert.train_fusion import FUSION_INPUT
from edge.perceive.golden import check_golden
from edge.perceive.package import load_package
from edge.perceive.runtime import Model
from edge.records import EMOTIONS
from tests.convert.conftest import assert_same_bytes
from tests.convert.made_up_senses import noise, sense

pytestmark = pytest.mark.timeout(400)  # TensorFlow converts: minutes on a busy machine
_COUNT = len(EMOTIONS)


def _write_run(folder: Path, labels: tuple[str, ...] = EMOTIONS, wide: bool = False) -> Path:
    """A fusion that adds both senses' logits; `wide`: in a hidden layer that int8 cannot hold beside another value."""
    start_keras(folder.with_suffix(".log"), tensorflow=True)
    network = late_fusion(FUSION_INPUT.shape, _COUNT)
    weights = [np.zeros_like(array) for array in network.get_weights()]
    both = np.zeros((*FUSION_INPUT.shape, _COUNT), np.float32)
    both[:_COUNT] = both[_COUNT + 3 : 2 * _COUNT + 3] = np.eye(_COUNT)
    direct = [array.shape for array in weights].index(both.shape)
    weights[direct] = both
    if wide:
        # What nobody asks for, a thousand times as large as what counts, in the output that int8 rounds as one.
        weights[direct + 1] = np.array([0.0] * (_COUNT - 1) + [-4000.0], np.float32)
    network.set_weights(weights)
    about = {"data": ["fer2013", "ravdess", "noise"], "figures": {}}
    Run("fusion", FUSION_INPUT, labels, about).write(folder)
    network.save(folder / "model.keras")
    voices = [sense(10 + fold, (2, 3)) for fold in range(2)]
    write_senses(Senses(sense(1, (4, 5)), sense(2, (4, 5)), voices, [noise(20)]), folder)
    return folder


def _quantize(run: Path, out: Path) -> int:
    return main(["quantize", str(run), "--task", "fusion", "--calibration", str(run), "--out", str(out)])


def test_it_becomes_a_package_and_the_same_bytes_again(tmp_path: Path):
    run = _write_run(tmp_path / "run")
    assert _quantize(run, tmp_path / "one") == 0
    package = load_package(tmp_path / "one", "fusion")
    assert check_golden(Model(package)).status == "passed"
    report = json.loads((tmp_path / "one-report" / "report.json").read_text())
    assert report["compared"]["count"] == 7000
    assert report["calibration"]["items"][8] == "pair 8 disgust"
    card = (tmp_path / "one" / "README.md").read_text()
    assert "| synthetic pairs, faces of PrivateTest | int8 | 7000 |" in card
    assert "non-commercial" in package.licence
    assert _quantize(run, tmp_path / "again" / "one") == 0
    assert_same_bytes(tmp_path / "one", tmp_path / "again" / "one")


def test_a_model_without_a_run_says_what_its_input_is(tmp_path: Path, capfd):
    run = _write_run(tmp_path / "run")
    own = (run / "model.keras").rename(tmp_path / "mine.keras")
    command = ["quantize", str(own), "--task", "fusion", "--calibration", str(run), "--out", str(tmp_path / "out")]
    assert main(command) == 1
    asked = "how its features are made cannot be seen in a fusion model: give labels and [input] with least_probability"
    assert asked in capfd.readouterr().err
    contract = tmp_path / "mine.toml"
    contract.write_text(f"labels = {json.dumps(EMOTIONS)}\n[input]\nleast_probability = 0.001\nfade_ms = 2000\n")
    assert main([*command, "--contract", str(contract)]) == 0
    assert load_package(tmp_path / "out", "fusion").input == FUSION_INPUT


def test_swapped_labels_and_an_answer_that_int8_cannot_hold_are_stopped(tmp_path: Path, capfd):
    run = _write_run(tmp_path / "swapped", ("disgust", "angry", *EMOTIONS[2:]))
    assert _quantize(run, tmp_path / "out") == 1
    assert "'disgust' seems to be 'angry'" in capfd.readouterr().err
    run = _write_run(tmp_path / "wide", wide=True)
    assert _quantize(run, tmp_path / "out") == 1
    assert "accuracy: accuracy falls by" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_run_of_another_task_is_refused(tmp_path: Path, capfd):
    run = _write_run(tmp_path / "run")
    contract = json.loads((run / "run.json").read_text()) | {"task": "detector", "labels": ["face"]}
    contract["input"] = {"height": 32, "width": 32, "channels": 3, "low": -1, "high": 1}
    (run / "run.json").write_text(json.dumps(contract))
    assert _quantize(run, tmp_path / "out") == 1
    assert "expected a run of the task 'fusion', got 'detector'" in capfd.readouterr().err
