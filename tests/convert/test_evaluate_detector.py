"""The report of a detector, beside its peers."""

from __future__ import annotations

import json
import shutil

import cv2
import pytest

from convert.cli import main

pytestmark = pytest.mark.timeout(400)  # TensorFlow compiles and converts: minutes on a busy machine


def test_a_report_for_people_and_for_programs(detector_package, small_photos, tmp_path, capsys):
    labels = tmp_path / "labels"
    labels.mkdir()
    shutil.copy(small_photos / "train" / "labels.csv", labels)
    (labels / "labels_low.csv").write_text("file,x,y,w,h\n")
    command = ["evaluate", "detector", "--model", str(detector_package), "--data", str(small_photos.parent)]
    assert main([*command, "--labels", str(labels), "--out", str(tmp_path / "report")]) == 0
    shown = capsys.readouterr().out
    assert "| tiny-detector | test, all faces | 2 |" in shown
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    ours = report["detectors"]["tiny-detector"]
    assert ours["test, faces of 8 % of the height"]["faces"] == 2
    assert sum(values["faces"] for values in ours["by size"].values()) == 2
    frontal = sum(values["faces"] for values in ours["frontal, by size"].values())
    assert frontal == ours["by turn"]["frontal"]["faces"] > 0
    # The same faces by these labels, without a doubtful place where nothing counts as wrong.
    assert ours["by turn, against several looks"] == ours["by turn"]
    assert ours["frontal, by size, against several looks"] == ours["frontal, by size"]
    assert ours["held out, against several looks"]["faces"] == ours["held out, against the teacher"]["faces"]
    assert "## by turn, against several looks" in shown
    assert report["milliseconds"]["tiny-detector"]["median_ms"] > 0
    if hasattr(cv2, "CascadeClassifier"):
        assert report["detectors"]["Haar"]["test, all faces"]["recall_at_25"] > 0
    assert (tmp_path / "report" / "report.md").read_text().startswith("# tiny-detector")


def test_a_missing_package_is_named(small_photos, tmp_path, capsys):
    assert main(["evaluate", "detector", "--model", str(tmp_path / "no"), "--data", str(small_photos.parent)]) == 1
    assert "no/model.json: cannot be read" in capsys.readouterr().err
