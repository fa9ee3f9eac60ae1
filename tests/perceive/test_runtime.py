"""Models run: real packages through the real runtime."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.perceive.package import file_sha256, find_package, load_package
from edge.perceive.pictures import face_levels, face_tensor
from edge.perceive.runtime import Model, softmax


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=9), st.floats(0.1, 10))
def test_softmax_is_a_distribution_in_the_order_of_its_logits(logits, temperature):
    probabilities = softmax(np.array(logits, np.float32), temperature)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    order = np.argsort(logits)
    assert (np.diff(probabilities[order]) >= -1e-6).all()


def test_a_higher_temperature_is_less_sure():
    logits = np.array([3.0, 1.0, 0.0], np.float32)
    assert softmax(logits, 2).max() < softmax(logits, 1).max() < softmax(logits, 0.5).max()


@pytest.mark.parametrize("task", ["face", "speech"])
def test_shipped_models_answer_with_distributions(shipped, task):
    model = shipped(task)
    rng = np.random.default_rng(0)
    for _ in range(5):
        probabilities = model.probabilities(rng.normal(0, 1, model.package.input.shape).astype(np.float32))
        assert probabilities.shape == (7,)
        assert probabilities.dtype == np.float32
        assert probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert (probabilities > 0).all()


def test_a_picture_by_the_table_of_levels_is_the_picture_in_floats(shipped):
    model = shipped("face")
    crop = np.random.default_rng(3).integers(0, 256, (90, 90, 3), np.uint8)
    floats = face_tensor(crop, model.package.input)
    own = face_tensor(crop, model.package.input, model.quantized(face_levels(model.package.input)))
    assert own.dtype == np.int8
    np.testing.assert_array_equal(own, model.quantized(floats))
    np.testing.assert_array_equal(model.probabilities(own), model.probabilities(floats))


@pytest.mark.parametrize("task", ["face", "speech"])
def test_values_beyond_the_range_of_int8_are_held_at_its_ends(shipped, task):
    model = shipped(task)
    huge = np.full(model.package.input.shape, 1e9, np.float32)
    np.testing.assert_array_equal(model.outputs(huge), model.outputs(huge * 2))


def test_a_model_with_probabilities_gives_the_same_as_one_with_logits(shipped, tmp_path):
    model = shipped("face")
    outputs = np.random.default_rng(1).normal(0, 2, 7).astype(np.float32)
    folder = _copy(model.package.folder, tmp_path, output="probabilities", temperature=1.0)
    other = Model(load_package(folder, "face"))
    expected = softmax(outputs) @ model.package.to_emotions()
    np.testing.assert_allclose(other.emotions(softmax(outputs)), expected, atol=1e-5)


def test_what_is_no_number_is_no_knowledge(shipped):
    model = shipped("face")
    for outputs in (np.full(7, np.nan, np.float32), np.full(7, np.inf, np.float32)):
        np.testing.assert_allclose(model.emotions(outputs), 1 / 7)


def test_a_file_that_is_no_model_is_named(tmp_path):
    folder = _copy(find_package("face-emotion"), tmp_path)
    (folder / "model.tflite").write_bytes(b"not a model")
    _rewrite(folder)
    with pytest.raises(ModelError, match=r"model\.tflite: not a model that this TFLite runtime can run"):
        Model(load_package(folder, "face"))


def test_a_model_of_another_shape_than_declared_is_named(tmp_path):
    shipped_folder = find_package("face-emotion")
    contract = json.loads((shipped_folder / "model.json").read_text(encoding="utf-8"))["input"]
    folder = _copy(shipped_folder, tmp_path, input={**contract, "height": 96})
    with pytest.raises(ModelError, match=r"expected one input of the shape .*96.* got \(1, 48, 48, 1\)"):
        Model(load_package(folder, "face"))


def test_loading_says_nothing(shipped, capfd):
    shipped("face")
    assert capfd.readouterr() == ("", "")


def _copy(folder: Path, target: Path, **changes) -> Path:
    copy = shutil.copytree(folder, target / "package")
    _rewrite(copy, **changes)
    return copy


def _rewrite(folder: Path, **changes) -> None:
    path = folder / "model.json"
    description = json.loads(path.read_text(encoding="utf-8")) | changes
    description["files"] = {"model.tflite": {"sha256": file_sha256(folder / "model.tflite")}}
    path.write_text(json.dumps(description), encoding="utf-8")
