from __future__ import annotations

from pathlib import Path

import pytest

from convert.cli import main

pytestmark = pytest.mark.usefixtures("eager")
_TINY = ("--epochs", "1", "--set", "batch=55", "--set", "size=24")


def test_a_search_keeps_its_trials_and_writes_the_best(small_fer: Path, tmp_path: Path, capfd):
    pytest.importorskip("optuna")
    command = ["search", "--data", str(small_fer), "--out", str(tmp_path), *_TINY, "--architecture", "edge-small"]
    assert main([*command, "--trials", "1"]) == 0
    assert main([*command, "--trials", "1"]) == 0
    assert (tmp_path / "trial-1" / "model.keras").is_file()
    best = (tmp_path / "best.toml").read_text()
    assert "of 2:" in best.splitlines()[0]
    assert 'architecture = "edge-small"' in capfd.readouterr().out
    assert main(["recipe", "--recipe", str(tmp_path / "best.toml")]) == 0
