from __future__ import annotations

import json
from pathlib import Path

import pytest

from convert.cli import main

pytestmark = pytest.mark.usefixtures("eager")
_TINY = ("--epochs", "1", "--set", "batch=55", "--set", "size=24")


def test_networks_side_by_side_before_and_after_augmentation(small_fer: Path, tmp_path: Path, capfd):
    command = ["compare", "--data", str(small_fer), "--out", str(tmp_path), *_TINY, "--test-images", "7", "--svm"]
    assert main([*command, "edge-small"]) == 0
    shown = capfd.readouterr().out
    assert shown.count("| edge-small |") == 2
    stored = json.loads((tmp_path / "compare.json").read_text())
    plain, augmented = stored["rows"]
    assert (plain["augmented"], augmented["augmented"]) == (False, True)
    assert plain["count"] == 7
    assert plain["parameters"] == augmented["parameters"]
    for share in ("accuracy", "macro_f1", "int8_accuracy", "svm_accuracy"):
        assert 0 <= plain[share] <= 1
    assert plain["macs"] > plain["parameters"]
    assert plain["parameters"] < plain["int8_bytes"] < 2 * plain["parameters"]
    assert plain["frame_ms"] > 0
    for column in ("Macro-F1", "int8 accuracy", "Million MACs", "int8 kB", "ms a frame"):
        assert f"| {column} |" in shown
    for kind, rotated in (("edge-small-plain", 0), ("edge-small", 13.0)):
        run = json.loads((tmp_path / kind / "run.json").read_text())
        assert run["about"]["recipe"]["augmentation"]["rotate_degrees"] == rotated
    assert (
        "1 epochs for each; 55 training faces, measured on 7 of FER2013 PrivateTest"
        in (tmp_path / "README.md").read_text()
    )

    # What is there is not trained again.
    before = (tmp_path / "edge-small" / "model.keras").stat().st_mtime_ns
    assert main([*command, "edge-small"]) == 0
    assert (tmp_path / "edge-small" / "model.keras").stat().st_mtime_ns == before
    # Nor taken for what another recipe would give.
    assert main([*command, "--set", "mixup=0.3", "edge-small"]) == 1
    assert "was trained by another recipe" in capfd.readouterr().err


def test_heads_of_one_network_and_eight_labels(small_fer: Path, tmp_path: Path, capfd):
    command = ["compare", "--data", str(small_fer), "--out", str(tmp_path), *_TINY, "--test-images", "7"]
    assert main([*command, "--set", "labels=ferplus", "--set", "classes=8", "edge-small:pool"]) == 0
    assert capfd.readouterr().out.count("| edge-small:pool |") == 2
    run = json.loads((tmp_path / "edge-small-pool" / "run.json").read_text())
    assert run["about"]["recipe"]["head"] == "pool"
    assert len(run["labels"]) == 8


def test_an_unknown_network_is_one_message(small_fer: Path, tmp_path: Path, capsys):
    command = ["compare", "--data", str(small_fer), "--out", str(tmp_path), *_TINY]
    assert main([*command, "resnet51"]) == 1
    assert "architecture: expected one of edge, " in capsys.readouterr().err
