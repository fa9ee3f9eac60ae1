from __future__ import annotations

from pathlib import Path

import pytest

from convert.face_recipe import FaceRecipe
from convert.metrics import figures
from convert.package import write_package
from convert.run import Run
from convert.train_speech import SPEECH_INPUT
from edge.perceive.package import load_package
from edge.records import EMOTIONS


@pytest.mark.parametrize(("task", "spec"), [("face", FaceRecipe().input), ("speech", SPEECH_INPUT)])
def test_the_device_accepts_what_is_written(tmp_path: Path, task, spec):
    write_package(tmp_path / "mine", Run(task, spec, EMOTIONS), b"not looked at", 1.25)
    package = load_package(tmp_path / "mine", task)
    assert (package.name, package.input, package.labels, package.temperature) == ("mine", spec, EMOTIONS, 1.25)


def test_same_arguments_same_bytes(tmp_path: Path):
    run = Run("face", FaceRecipe().input, EMOTIONS, {"data": ["fer2013"]})
    for parent in ("one", "two"):
        write_package(tmp_path / parent / "face", run, b"weights")
    for name in ("model.json", "README.md", "model.tflite"):
        assert (tmp_path / "one/face" / name).read_bytes() == (tmp_path / "two/face" / name).read_bytes()


def test_the_card_tells_data_licence_figures_and_limits(tmp_path: Path):
    import numpy as np

    measured = figures(np.eye(7, dtype=np.float32), np.arange(7))
    run = Run("speech", SPEECH_INPUT, EMOTIONS, {"data": ["ravdess", "tess"]})
    write_package(tmp_path / "voice", run, b"weights", 1.5, {"six folds": {"int8": measured}})
    card = (tmp_path / "voice" / "README.md").read_text()
    assert "CC BY-NC-SA 4.0" in card
    assert "Not for commercial use" in card
    assert "Apparent emotion only" in card
    assert "| six folds | int8 | 7 | 100.0 % |" in card
    assert load_package(tmp_path / "voice", "speech").description["licence"].startswith("CC-BY-NC-SA-4.0")


def test_a_face_card_does_not_claim_a_licence_that_the_data_lacks(tmp_path: Path):
    write_package(tmp_path / "face", Run("face", FaceRecipe().input, EMOTIONS, {"data": ["fer2013"]}), b"weights")
    card = (tmp_path / "face" / "README.md").read_text()
    assert "no explicit licence" in card
    assert "Not for commercial use" not in card
