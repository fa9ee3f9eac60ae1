"""The detector's commands."""

from __future__ import annotations

import pytest

from convert.cli import main
from tests.convert.conftest import CHECKPOINT

pytestmark = pytest.mark.timeout(400)  # TensorFlow compiles and converts: minutes on a busy machine


@pytest.mark.parametrize("command", [["train", "detector"], ["evaluate", "detector"], ["label"]])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert f"emotion-convert {' '.join(command)} --" in capsys.readouterr().out


@pytest.mark.parametrize("size", ["100x96x3", "96x96x1"])
def test_a_size_that_no_detector_can_have_is_refused(size, small_photos, tmp_path, capsys):
    command = ["quantize", str(CHECKPOINT), "--task", "detector", "--calibration", str(small_photos)]
    assert main([*command, "--out", str(tmp_path / "out"), "--size", size]) == 1
    assert "expected HxWx3 with multiples of 32" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_missing_photos_are_named(tmp_path, capsys):
    assert main(["train", "detector", "--data", str(tmp_path), "--out", str(tmp_path / "run")]) == 1
    assert "labels.csv: cannot be read" in capsys.readouterr().err


def test_labels_that_are_not_there_are_named(small_photos, tmp_path, capsys):
    labels = tmp_path / "labels"
    command = ["train", "detector", "--data", str(small_photos), "--labels", str(labels)]
    assert main([*command, "--out", str(tmp_path / "run")]) == 1
    assert f"{labels / 'labels.csv'}: cannot be read" in capsys.readouterr().err
