"""From tiny data to packages that the device runs, as a user does it: by the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from convert.cli import main
from convert.run import read_run
from edge.perceive.package import load_package
from edge.perceive.runtime import Model
from tests.convert.conftest import assert_same_bytes, slow

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def face_run(eager: None, small_fer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "face"
    command = ["train", "face", "--data", str(small_fer), "--out", str(run), "--epochs", "1"]
    assert main([*command, "--architecture", "mobile", "--set", "batch=28"]) == 0
    return run


@pytest.fixture(scope="module")
def speech_run(eager: None, small_corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "speech"
    command = ["train", "speech", "--data", str(small_corpora), "--out", str(run), "--folds", "--epochs", "1"]
    assert main(command) == 0
    return run


def _quantize(run: Path, task: str, data: Path, out: Path) -> int:
    # A model of one epoch, judged on fourteen pictures: one of them is seven points.
    limits = ["--max-drop", "100", "--max-class-drop", "100"]
    return main(["quantize", str(run), "--task", task, "--calibration", str(data), "--out", str(out), *limits])


def test_a_face_model_from_pictures_to_probabilities(face_run: Path, small_fer: Path, tmp_path: Path, capfd):
    capfd.readouterr()
    assert _quantize(face_run, "face", small_fer, tmp_path / "one") == 0
    shown = capfd.readouterr()
    assert "FER2013 PrivateTest without twins, int8" in shown.out
    assert "tensorflow" not in (shown.out + shown.err).lower()
    model = Model(load_package(tmp_path / "one", "face"))
    probabilities = model.probabilities(np.zeros(model.package.input.shape, np.float32))
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    description = model.package.description
    assert description["metrics"]["FER2013 PrivateTest"]["int8"]["count"] == 14
    assert description["metrics"]["FER2013 PrivateTest without twins"]["float"]["count"] == 13
    assert 15e6 < description["macs"] < 30e6

    # The same run again: the same bytes.
    assert _quantize(face_run, "face", small_fer, tmp_path / "again" / "one") == 0
    assert {"model.tflite", "model_float16.tflite", "golden.png", "golden.npy"} < {
        path.name for path in (tmp_path / "one").iterdir()
    }
    assert_same_bytes(tmp_path / "one", tmp_path / "again" / "one")
    capfd.readouterr()
    assert main(["inspect", str(tmp_path / "one")]) == 0
    contents = json.loads(capfd.readouterr().out)
    assert set(contents["tensor_types"]) == {"int8", "int32"}  # int32: the biases
    assert contents["operations"]["DEPTHWISE_CONV_2D"] == 7  # one for each inverted residual


def test_evaluate_measures_the_package_and_says_so_as_json(face_run: Path, small_fer: Path, tmp_path: Path, capfd):
    assert _quantize(face_run, "face", small_fer, tmp_path / "face") == 0
    target = tmp_path / "figures.json"
    command = ["evaluate", "face", "--model", str(tmp_path / "face"), "--data", str(small_fer), "--json"]
    assert main([*command, str(target)]) == 0
    stored = json.loads((tmp_path / "face" / "model.json").read_text())["metrics"]
    assert json.loads(target.read_text()) == {name: kinds["int8"] for name, kinds in stored.items()}
    capfd.readouterr()
    assert main([*command, "-"]) == 0
    assert json.loads(capfd.readouterr().out) == json.loads(target.read_text())


def test_training_goes_on_where_it_was_and_only_when_asked(face_run: Path, small_fer: Path, capfd):
    command = ["train", "face", "--data", str(small_fer), "--out", str(face_run), "--epochs", "2"]
    command += ["--architecture", "mobile", "--set", "batch=28"]
    assert main(command) == 1
    assert "holds a training run already. Go on with it by --resume" in capfd.readouterr().err
    assert main([*command, "--resume"]) == 0
    with (face_run / "history.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]
    assert json.loads((face_run / "progress.json").read_text())["epoch"] == 2


def test_a_speech_model_from_sounds_to_probabilities(speech_run: Path, small_corpora: Path, tmp_path: Path, capfd):
    folds = sorted(path.parent.name for path in speech_run.glob("fold-*/model.keras"))
    assert folds == ["fold-2"]  # the fold whose actors are there
    assert read_run(speech_run / "fold-2").about["held_out"][0] == "ravdess-05"
    assert _quantize(speech_run, "speech", small_corpora, tmp_path / "speech") == 0
    assert "mean UAR" in capfd.readouterr().out
    model = Model(load_package(tmp_path / "speech", "speech"))
    assert model.probabilities(np.zeros(model.package.input.shape, np.float32)).shape == (7,)
    description = model.package.description
    (figures,) = description["metrics"].values()
    assert figures["int8"]["count"] == 24
    assert len(figures["int8"]["uar_folds"]) == 1
    assert description["licence"].startswith("CC-BY-NC-SA-4.0")

    command = ["evaluate", "speech", "--model", str(tmp_path / "speech"), "--data", str(small_corpora), "--json", "-"]
    assert main(command) == 0
    measured = json.loads(capfd.readouterr().out)
    assert measured["tess"]["in_training"] is True
    assert measured["ravdess"]["count"] == 24


@slow
def test_a_speech_package_is_the_same_bytes_again(speech_run: Path, small_corpora: Path, tmp_path: Path):
    for folder in (tmp_path, tmp_path / "again"):
        assert _quantize(speech_run, "speech", small_corpora, folder / "speech") == 0
    assert_same_bytes(tmp_path / "speech", tmp_path / "again" / "speech")


def test_what_does_not_fit_is_refused(face_run: Path, small_fer: Path, tmp_path: Path, capfd):
    assert _quantize(face_run, "speech", small_fer, tmp_path / "out") == 1
    assert "expected a run of the task 'speech', got 'face'" in capfd.readouterr().err
    (tmp_path / "model.keras").write_bytes(b"no model")
    (tmp_path / "run.json").write_bytes((face_run / "run.json").read_bytes())
    assert _quantize(tmp_path, "face", small_fer, tmp_path / "out") == 1
    assert "model.keras: expected a Keras model file that Keras" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
