"""A package's own input file answers here as it did where the package was made."""

from __future__ import annotations

import dataclasses
import shutil

import cv2
import numpy as np
import pytest

from convert.cli import main
from edge.errors import ModelError
from edge.perceive import inputs
from edge.perceive.detector import CellDetector
from edge.perceive.fusion_input import FusionInput
from edge.perceive.golden import check_golden
from edge.perceive.package import find_package, load_package
from edge.perceive.runtime import Model

SHIPPED = {"face": "face-emotion", "speech": "speech-emotion", "detector": "face-detector", "fusion": "fusion"}


def opened(package):
    return (CellDetector if package.task == "detector" else Model)(package)


@pytest.fixture(params=SHIPPED)
def package(request, tmp_path):
    """A copy of the shipped package with golden vectors made now."""
    folder = shutil.copytree(find_package(SHIPPED[request.param]), tmp_path / "package")
    assert main(["golden", str(folder)]) == 0
    return load_package(folder, request.param)


def test_the_same_code_passes(package):
    check = check_golden(opened(package))
    assert (check.status, check.message) == ("passed", f"{package.name}: features and answer as at its making")


def test_another_preparation_is_found(package):
    spec = package.input
    if isinstance(spec, inputs.FaceInput):
        other = dataclasses.replace(spec, crop_margin=spec.crop_margin + 0.05)
    elif isinstance(spec, inputs.DetectorInput):
        other = dataclasses.replace(spec, low=0.0)
    elif isinstance(spec, FusionInput):
        other = dataclasses.replace(spec, fade_ms=spec.fade_ms + 500)
    else:
        other = dataclasses.replace(spec, high_hz=spec.high_hz - 200)
    check = check_golden(opened(dataclasses.replace(package, input=other)))
    assert check.status == "failed"
    assert "features differ by up to" in check.message


@pytest.mark.parametrize(
    ("task", "name"), [*SHIPPED.items(), ("face", "face-emotion-small"), ("face", "face-emotion-ferplus")]
)
def test_the_shipped_packages_pass(task, name):
    check = check_golden(opened(load_package(find_package(name), task)))
    assert check.status == "passed", check.message


def test_swapped_colours_are_found(tmp_path, monkeypatch):
    spec = inputs.FaceInput(48, 48, 3, -1.0, 1.0, 0.0)
    from convert.golden import _BOX, _blots, _png
    from edge.perceive.golden import feature_tolerance, golden_features

    (tmp_path / "golden.png").write_bytes(_png(_blots()))
    right = golden_features(tmp_path / "golden.png", spec, {"box": _BOX})
    wrong = golden_features(tmp_path / "golden.png", dataclasses.replace(spec, order="bgr"), {"box": _BOX})
    assert np.abs(right - wrong).max() > 10 * feature_tolerance(spec)


def test_a_detector_that_reads_swapped_colours_or_answers_otherwise_is_found(tmp_path):
    folder = shutil.copytree(find_package("face-detector"), tmp_path / "package")
    package = load_package(folder, "detector")
    cv2.imwrite(str(folder / "golden.png"), cv2.imread(str(folder / "golden.png"))[:, :, ::-1])
    assert "features differ by up to" in check_golden(CellDetector(package)).message
    shutil.copy(find_package("face-detector") / "golden.png", folder)
    answer = np.load(folder / "golden_answer.npy")
    np.save(folder / "golden_answer.npy", np.roll(answer, 1, axis=0))
    check = check_golden(CellDetector(package))
    assert check.status == "failed"
    assert "answers differ by" in check.message


@pytest.mark.parametrize("package", ["face", "speech", "fusion"], indirect=True)
def test_another_answer_is_found(package):
    description = dict(package.description)
    turned = dict(zip(description["golden"]["probabilities"], [0.9, *[0.1 / 6] * 6], strict=True))
    description["golden"] = {**description["golden"], "probabilities": turned}
    check = check_golden(opened(dataclasses.replace(package, description=description)))
    assert check.status == "failed"
    assert "probabilities differ" in check.message


def test_a_package_without_vectors_says_so_and_a_broken_entry_is_named(package):
    bare = {name: value for name, value in package.description.items() if name != "golden"}
    assert check_golden(opened(dataclasses.replace(package, description=bare))).status == "absent"
    broken = {**package.description, "golden": {"input": "none.png"}}
    with pytest.raises(ModelError, match="golden: cannot be used"):
        check_golden(opened(dataclasses.replace(package, description=broken)))
