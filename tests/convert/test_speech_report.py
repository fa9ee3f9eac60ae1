"""From sounds to a report, with a model that is solved in a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from convert.cli import main
from convert.folds import Making, judge
from convert.train_speech import train_speech
from edge.perceive.package import load_package


@pytest.fixture(scope="module")
def run(small_corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "speech"
    train_speech(small_corpora, out, folds=True, architecture="svm", corpora=True)
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
    assert measured["folds"]["int8"]["count"] == 24
    assert 0 <= measured["folds"]["int8"]["uar_with_calm_mean"] <= 1
    assert set(measured["snr_db"]) == {"20", "10", "5", "0"}
    assert measured["noise"]["webrtc"]["seconds"] == pytest.approx(1, abs=0.1)
    assert measured["corpora"]["tess"]["emotions"] == ["angry", "surprise", "neutral"]
    assert measured["corpora"]["tess"]["chance"] == pytest.approx(1 / 3, abs=1e-3)
    assert {path.name for path in out.iterdir()} == {
        "report.json", "report.md", "confusion.png", "noise.png", "recall.png"
    }  # fmt: skip
    text = (out / "report.md").read_text()
    assert "| 5 dB |" in text
    assert "| tess | angry, surprise, neutral |" in text


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
