from __future__ import annotations

import pytest

from convert.cli import main
from edge.perceive.package import find_package


def test_a_run_without_fold_models_is_refused(tmp_path, capsys):
    assert main(["evaluate", "speech", "--folds", str(tmp_path), "--data", str(tmp_path)]) == 1
    assert "expected the fold models" in capsys.readouterr().err


def test_folds_and_a_package_are_measured_one_at_a_time(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "speech", "--folds", "run", "--model", "package", "--data", "data"])
    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_a_fusion_needs_a_run_of_speech(tmp_path, capsys):
    run, out = str(tmp_path / "none"), str(tmp_path / "out")
    face = str(find_package("face-emotion"))
    assert main(["train", "fusion", "--speech", run, "--face", face, "--data", str(tmp_path), "--out", out]) == 1
    assert f"emotion-convert: {run}" in capsys.readouterr().err
