"""From a run to a package that the device takes, unless it must not ship."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.architectures.detector import pyramid
from convert.cli import main
from convert.contract import Given
from convert.datasets.photos import Photo, training_photos
from convert.float_model import FloatModel, load_keras
from convert.keras_start import start_keras
from convert.quantize_detector import DetectorJudge, detector_subject, own_contract
from convert.run import read_run
from edge.errors import ConfigError
from edge.perceive.detector import CellDetector
from edge.perceive.golden import check_golden
from edge.perceive.inputs import DetectorInput
from edge.perceive.package import find_package, load_package
from tests.convert.conftest import CHECKPOINT, assert_same_bytes, slow
from tests.convert.tiny_photos import write_photos

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


def _quantize(model: Path, photos: Path, out: Path, *more: str) -> int:
    command = ["quantize", str(model), "--task", "detector", "--calibration", str(photos), "--out", str(out)]
    return main([*command, "--size", "160x192x3", "--calibration-count", "6", "--no-float16", *more])


def _own(folder: Path) -> Path:
    return Path(shutil.copy(CHECKPOINT / "model.keras", folder / "mine.keras"))


def test_a_detector_of_ones_own_becomes_a_package(small_photos, tmp_path: Path):
    assert _quantize(_own(tmp_path), small_photos, tmp_path / "one", "--range=-1,1", "--finetune", "1") == 0
    package = load_package(tmp_path / "one", "detector")
    assert package.input == DetectorInput(160, 192, 3, -1.0, 1.0)
    assert check_golden(CellDetector(package)).status == "passed"


@slow
def test_it_is_the_same_bytes_again_and_doubt_about_its_pixels_is_told(small_photos, tmp_path: Path, capfd):
    own = _own(tmp_path)
    assert _quantize(own, small_photos, tmp_path / "one") == 1
    doubt = "finds 8 of 8 faces with -1..1, 8 of 8 faces with 0..1. Say which by --range"
    assert doubt in capfd.readouterr().err
    for folder in (tmp_path, tmp_path / "again"):
        assert _quantize(own, small_photos, folder / "one", "--range=-1,1", "--finetune", "1") == 0
    assert_same_bytes(tmp_path / "one", tmp_path / "again" / "one")


@slow
def test_the_scaling_of_its_pixels_is_measured_where_that_is_certain(tmp_path: Path):
    keras = start_keras(tmp_path / "log", tensorflow=True)
    inner = pyramid((160, 192, 3))
    inner.set_weights(load_keras(CHECKPOINT / "model.keras", tmp_path / "log").get_weights())
    inputs = keras.layers.Input((160, 192, 3))
    own = keras.Model(inputs, inner(keras.layers.Rescaling(1 / 127.5, -1)(inputs)))
    own.save(tmp_path / "mine.keras")
    photos = write_photos(tmp_path / "photos", 120)
    subject = detector_subject(tmp_path / "mine.keras", photos, None, "int8", 6, None, Given(), tmp_path / "log")
    assert subject.run.input == DetectorInput(160, 192, 3, 0.0, 255.0)
    assert subject.how["range"].startswith("measured: it finds 10 of 10 faces with 0..255, 0 of 10 faces with")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Given(("happy",)), "a detector has no labels"),
        (Given((), {"height": 320}), "not of the height 320 that is given"),
        (Given((), {"low": -1.0}), "expected low and high, or none of them"),
    ],
)
def test_a_contract_that_no_detector_can_have_is_refused(small_photos, given: Given, told: str):
    model = FloatModel(Path("mine.keras"), b"", (160, 192, 3), 0)
    with pytest.raises(ConfigError, match=told):
        own_contract(model, given, training_photos(small_photos))


@pytest.fixture(scope="module")
def shipped() -> FloatModel:
    """The shipped detector in the place of a float one: what is wrong with a contract does not hang on the format."""
    return FloatModel(Path("shipped"), (find_package("face-detector") / "model.tflite").read_bytes(), (320, 416, 3), 0)


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
