"""A package's own input file answers here as it did where the package was made."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from convert.cli import main
from edge.errors import ModelError
from edge.perceive import features
from edge.perceive.golden import check_golden
from edge.perceive.package import find_package, load_package
from edge.perceive.runtime import Model


@pytest.fixture(params=["face", "speech"])
def package(request, tmp_path):
    """A copy of the shipped package with golden vectors made now."""
    folder = shutil.copytree(find_package(f"{request.param}-emotion"), tmp_path / "package")
    assert main(["golden", str(folder)]) == 0
    return load_package(folder, request.param)


def test_the_same_code_passes(package):
    check = check_golden(Model(package))
    assert (check.status, check.message) == ("passed", f"{package.name}: features and answer as at its making")


def test_another_preparation_is_found(package):
    spec = package.input
    if isinstance(spec, features.FaceInput):
        other = dataclasses.replace(spec, crop_margin=spec.crop_margin + 0.05)
    else:
        other = dataclasses.replace(spec, high_hz=spec.high_hz - 200)
    check = check_golden(Model(dataclasses.replace(package, input=other)))
    assert check.status == "failed"
    assert "features differ by up to" in check.message


@pytest.mark.parametrize("task", ["face", "speech"])
def test_the_shipped_packages_pass(shipped, task):
    check = check_golden(shipped(task))
    assert check.status == "passed", check.message


def test_swapped_colours_are_found(tmp_path, monkeypatch):
    spec = features.FaceInput(48, 48, 3, -1.0, 1.0, 0.0)
    from convert.golden import _BOX, _picture
    from edge.perceive.golden import feature_tolerance, golden_features

    (tmp_path / "golden.png").write_bytes(_picture())
    right = golden_features(tmp_path / "golden.png", spec, _BOX)
    wrong = golden_features(tmp_path / "golden.png", dataclasses.replace(spec, order="bgr"), _BOX)
    assert np.abs(right - wrong).max() > 10 * feature_tolerance(spec)


def test_another_answer_is_found(package):
    description = dict(package.description)
    turned = dict(zip(description["golden"]["probabilities"], [0.9, *[0.1 / 6] * 6], strict=True))
    description["golden"] = {**description["golden"], "probabilities": turned}
    check = check_golden(Model(dataclasses.replace(package, description=description)))
    assert check.status == "failed"
    assert "probabilities differ" in check.message


def test_a_package_without_vectors_says_so_and_a_broken_entry_is_named(package):
    bare = {name: value for name, value in package.description.items() if name != "golden"}
    assert check_golden(Model(dataclasses.replace(package, description=bare))).status == "absent"
    broken = {**package.description, "golden": {"input": "none.png"}}
    with pytest.raises(ModelError, match="golden: cannot be used"):
        check_golden(Model(dataclasses.replace(package, description=broken)))
