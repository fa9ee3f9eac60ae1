from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from convert.face_recipe import FaceRecipe
from convert.run import Run, read_run
from convert.train_speech import SPEECH_INPUT
from edge.errors import ConfigError
from edge.records import EMOTIONS


@pytest.mark.parametrize(("task", "spec"), [("face", FaceRecipe().input), ("speech", replace(SPEECH_INPUT, low_hz=80))])
def test_a_run_is_read_as_it_was_written(tmp_path: Path, task, spec):
    run = Run(task, spec, EMOTIONS, {"held_out": ["ravdess-01"]})
    run.write(tmp_path / "new")
    assert read_run(tmp_path / "new") == run


def test_a_missing_run_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"run\.json: cannot be read.*emotion-convert train"):
        read_run(tmp_path)


@pytest.mark.parametrize("change", [{"input": {}}, {"labels": None}, {"input": {"height": 48, "depth": 3}}])
def test_a_wrong_run_is_refused(tmp_path: Path, change):
    Run("face", FaceRecipe().input, EMOTIONS).write(tmp_path)
    stored = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps(stored | change))
    with pytest.raises(ConfigError, match=r"run\.json: expected what 'emotion-convert train' writes"):
        read_run(tmp_path)
