"""From sounds to a report, with a model that is solved in a second."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.cli import main
from convert.folds import Making, judge
from convert.train_speech import RECIPE, train_speech
from edge.perceive.package import load_package


@pytest.fixture(scope="module")
def run(small_corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "speech"
    train_speech(small_corpora, out, replace(RECIPE, batch=16), folds=True, architecture="svm", corpora=True)
    return out


@pytest.fixture(scope="module")
def without_folds(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a model that has not met TESS, and no other."""
    out = tmp_path_factory.mktemp("corpora") / "speech"
    shutil.copytree(run / "without-tess", out / "without-tess")
    return out


def test_each_split_has_its_run_and_the_report_its_parts(run: Path, small_corpora: Path, tmp_path: Path):
    assert sorted(path.parent.name for path in run.glob("*/run.json")) == [
        "fold-2",
        "without-emodb",
        "without-ravdess",
        "without-tess",
    ]
    out = tmp_path / "report"
    assert main(["evaluate", "speech", "--folds", str(run), "--data", str(small_corpora), "--out", str(out)]) == 0
    measured = json.loads((out / "report.json").read_text())
    int8 = measured["folds"]["int8"]
    assert int8["count"] == sum(values["count"] for values in measured["reliability"]) == 24
    assert 0 <= int8["uar_with_calm_mean"] <= 1
    assert 0 <= int8["accuracy_with_calm"] <= 1
    # Tones are no voices: who listens like a device has nothing to say of them.
    heard = measured["device"]["cascade"]
    assert (heard["count"], heard["never_observed"], heard["accuracy"], heard["ece"]) == (24, 24, 0, None)
    assert set(measured["snr_db"]) == {"20", "10", "5", "0"}
    assert measured["noise"]["webrtc"]["seconds"] == pytest.approx(1, abs=0.1)
    tess = measured["corpora"]["tess"]["int8"]
    assert tess["emotions"] == ["angry", "surprise", "neutral"]
    assert tess["chance"] == pytest.approx(1 / 3, abs=1e-3)
    assert tess["above_chance"] == pytest.approx(tess["uar"] - 1 / 3, abs=1e-3)
    assert np.array(tess["confusion"]).sum(axis=1).tolist() == [1, 1, 2]
    assert {path.name for path in out.iterdir()} == {
        *("report.json", "report.md", "confusion.png", "noise.png", "recall.png", "reliability.png"),
        *("without-emodb.png", "without-ravdess.png", "without-tess.png"),
    }
    text = (out / "report.md").read_text()
    assert "| 5 dB |" in text
    assert "cascade before the model, 24 sentences" in text
    assert "| tess | angry, surprise, neutral | 4 |" in text


def test_corpora_alone_are_measured_in_the_terminal_and_in_a_report(
    without_folds: Path, small_corpora: Path, tmp_path: Path, capfd
):
    command = ["evaluate", "speech", "--folds", str(without_folds), "--data", str(small_corpora), "--scheme", "float16"]
    assert main([*command, "--json", str(tmp_path / "figures.json")]) == 0
    assert "without-tess, float16" in capfd.readouterr().out
    measured = json.loads((tmp_path / "figures.json").read_text())
    assert measured.keys() == {"without-tess, float", "without-tess, float16"}
    assert measured["without-tess, float16"]["accuracy"] == measured["without-tess, float"]["accuracy"]
    assert main([*command, "--out", str(tmp_path / "report")]) == 0
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.json", "report.md", "without-tess.png"}
    assert "UAR, float16" in (tmp_path / "report" / "report.md").read_text()


def test_a_test_on_sounds_of_the_training_is_refused(
    without_folds: Path, small_corpora: Path, tmp_path: Path, write_wav, capfd
):
    with (without_folds / "without-tess" / "trained_on.csv").open(newline="") as file:
        assert {row["corpus"] for row in csv.DictReader(file)} == {"ravdess", "emodb"}
    for corpus in ("ravdess", "emodb"):
        shutil.copytree(small_corpora / corpus, tmp_path / "data" / corpus)
    stolen = small_corpora / "ravdess" / "Actor_06" / "03-01-05-01-01-01-06.wav"
    (tmp_path / "data" / "tess").mkdir()
    shutil.copy(stolen, tmp_path / "data" / "tess" / "OAF_back_angry.wav")
    command = ["evaluate", "speech", "--folds", str(without_folds), "--data", str(tmp_path / "data")]
    assert main(command) == 1
    assert (
        "OAF_back_angry.wav: leak: this test sound is identical to 03-01-05-01-01-01-06.wav" in capfd.readouterr().err
    )
    # A training on such data ends as well, before its first step.
    command = ["train", "speech", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--corpora"]
    assert main([*command, "--held-out-only", "--architecture", "svm"]) == 1
    assert "leak: this test sound is identical to" in capfd.readouterr().err
    assert not list((tmp_path / "out").glob("**/model.keras"))


def test_fold_models_are_judged_in_the_scheme_that_ships(run: Path, small_corpora: Path, tmp_path: Path):
    out = tmp_path / "speech"
    command = ["quantize", str(run), "--task", "speech", "--calibration", str(small_corpora), "--out", str(out)]
    assert main([*command, "--scheme", "dynamic", "--max-drop", "100", "--max-class-drop", "100"]) == 0
    (figures,) = load_package(out, "speech").metrics.values()
    assert set(figures) == {"float", "dynamic"}
    fold = judge(run / "fold-2", small_corpora, Making("dynamic"))
    # Float activations leave answers nearer to each other than the 256 steps of int8 over the same range.
    answers = np.unique(fold.converted)
    assert np.diff(answers).min() < 0.5 * (answers.max() - answers.min()) / 255
