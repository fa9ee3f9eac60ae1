"""From a run to a package that the device takes, unless it must not ship."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.datasets.photos import Photo, training_photos
from convert.float_model import FloatModel
from convert.quantize_detector import DetectorJudge
from convert.run import read_run
from edge.perceive.detector import CellDetector
from edge.perceive.golden import check_golden
from edge.perceive.package import find_package, load_package
from tests.convert.conftest import CHECKPOINT

pytestmark = pytest.mark.timeout(400)  # TensorFlow compiles and converts: minutes on a busy machine


def test_the_package_is_int8_of_the_size_asked_for_and_passed_the_gate(detector_package):
    package = load_package(detector_package, "detector")
    assert package.input.shape == (160, 192, 3)
    assert len((detector_package / "model.tflite").read_bytes()) < 250_000
    both = package.metrics["held-out photos"]
    assert both["int8"]["faces"] == both["float"]["faces"] == 8
    assert both["int8"]["ap"] > 0.9
    assert 0 < package.description["threshold"] < 1
    card = (detector_package / "README.md").read_text()
    assert "AP at IoU 0.4" in card
    assert "It finds faces and knows nobody" in card
    for file in ("model.tflite", "model_float16.tflite"):
        detector = CellDetector(package, 0.08, file=file)
        assert check_golden(detector).status == "passed"
        for found in detector.detect(np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8)):
            assert found.landmarks.shape == (5, 2)
            assert found.score >= 0.08


def test_its_report_compares_what_evaluate_measures(detector_package):
    folder = detector_package.with_name("tiny-detector-report")
    report = json.loads((folder / "report.json").read_text())
    assert (report["passed"], report["findings"]) == (True, [])
    compared = report["compared"]
    assert (compared["figure"], compared["count"], compared["photos"]) == ("ap", 8, 8)
    assert {"ap", "recall_at_5", "recall_at_25", "ece"} < set(compared["converted"])
    assert len(report["worst_layers"]) == 10
    assert len(report["calibration"]["items"]) == 6
    text = (folder / "report.md").read_text()
    assert "| average precision | 8 |" in text
    assert "| recall of frontal faces | 8 |" in text
    assert (folder / "recall.png").stat().st_size > 1000


@pytest.fixture(scope="module")
def shipped() -> FloatModel:
    """The shipped detector in the place of a float one: what is wrong with a contract does not hang on the format."""
    return FloatModel(Path("shipped"), (find_package("face-detector") / "model.tflite").read_bytes(), (288, 384, 3), 0)


def _findings(model: FloatModel, photos: list[Photo], **contract: float) -> list[str]:
    run = read_run(CHECKPOINT)
    run = replace(run, input=replace(run.input, **contract))
    return [finding.what for finding in DetectorJudge(model, run, "photos", photos, "int8").implausible()]


def test_wrong_scaling_exchanged_landmarks_and_an_ignorant_model_are_told(shipped, small_photos):
    photos = training_photos(small_photos, "all")
    assert _findings(shipped, photos) == []
    mirrored = [replace(photo, landmarks=photo.landmarks[:, [1, 0, 2, 4, 3]]) for photo in photos]
    assert _findings(shipped, mirrored) == ["landmarks"]
    assert _findings(shipped, photos, low=0.0, high=0.01) == ["scaling", "chance"]
    elsewhere = [replace(photo, boxes=photo.boxes + np.float32((250, 250, 0, 0))) for photo in photos]
    assert _findings(shipped, elsewhere) == ["chance"]
