"""The contract of a model package: what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.errors import ModelError
from edge.perceive.package import file_sha256, find_package, load_package
from edge.records import EMOTIONS

FACE = {"height": 48, "width": 48, "channels": 1, "low": -1.0, "high": 1.0, "crop_margin": 0.1}
SPEECH = {
    "sample_rate_hz": 16000,
    "window_ms": 3000,
    "frame_ms": 25,
    "step_ms": 10,
    "mel_filters": 40,
    "coefficients": 2,
    "low_hz": 60,
    "high_hz": 7600,
    "mean_removed": True,
    "mean": [0.0, 0.0],
    "std": [1.0, 2.0],
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that is right in everything that is checked before an interpreter is made."""
    (tmp_path / "model.tflite").write_bytes(b"weights")
    write(tmp_path)
    return tmp_path


def write(folder: Path, **changes: Any) -> None:
    description: dict[str, Any] = {
        "schema": 1,
        "name": "mine",
        "version": "1",
        "task": "face",
        "labels": list(EMOTIONS),
        "input": FACE,
        "output": "logits",
        "temperature": 1.5,
        "licence": "mine",
        "metrics": {},
        "files": {"model.tflite": {"sha256": file_sha256(folder / "model.tflite")}},
    }
    (folder / "model.json").write_text(json.dumps({**description, **changes}), encoding="utf-8")


def test_a_good_package_is_read(package: Path):
    read = load_package(package, "face")
    assert (read.name, read.temperature, read.input.shape) == ("mine", 1.5, (48, 48, 1))
    assert read.labels == EMOTIONS
    write(package, task="speech", input=SPEECH)
    assert load_package(package, "speech").input.shape == (298, 2)


def test_one_flipped_bit_is_seen(package: Path):
    (package / "model.tflite").write_bytes(b"weighTs")
    with pytest.raises(ModelError, match=r"model\.tflite: damaged: expected sha256 .*, got .*\. Copy or install"):
        load_package(package, "face")


def test_other_words_for_the_labels_are_understood_and_contempt_falls_out(package: Path):
    labels = ["neutral", "calm", "happiness", "sadness", "anger", "fearful", "disgust", "surprised", "contempt"]
    write(package, labels=labels)
    matrix = load_package(package, "face").to_emotions()
    expected = ["neutral", "neutral", "happy", "sad", "angry", "fear", "disgust", "surprise"]
    assert [EMOTIONS[int(row.argmax())] for row in matrix[:-1]] == expected
    np.testing.assert_array_equal(matrix.sum(axis=1), [1] * 8 + [0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "expected schema 1, got 2. Make the package again"),
        ({"task": "speech"}, "expected a model for the task 'face', got 'speech'"),
        ({"name": ""}, "name: expected a text"),
        ({"labels": ["happy", "happy"]}, "expected a list of two or more different labels"),
        ({"labels": ["happy", "hungry"]}, r"\['hungry'\] are not known; known are"),
        ({"labels": "happy"}, "expected a list"),
        ({"labels": [["happy"], "sad"]}, "are not known"),
        ({"metrics": "good"}, "metrics: expected an object"),
        ({"licence": None}, "licence: expected a text"),
        ({"input": {}}, "input: expected the keys"),
        ({"input": {**FACE, "height": 0}}, "expected height and width"),
        ({"input": {**FACE, "height": "48"}}, "input.height: expected int, got '48'"),
        ({"input": {**FACE, "low": True}}, "input.low: expected float, got True"),
        ({"input": {**FACE, "low": float("nan")}}, "input.low: expected float, got nan"),
        ({"input": {**FACE, "low": 2.0}}, "expected low < high"),
        ({"input": {**FACE, "order": "grb"}}, "expected the order rgb or bgr, got 'grb'"),
        ({"input": {**FACE, "order": 1}}, "input.order: expected str, got 1"),
        ({"input": {**FACE, "mean": [0.5, 0.5]}}, "one number for each channel"),
        ({"input": {**FACE, "std": [0.0]}}, "std above 0"),
        ({"input": SPEECH}, "input: expected the keys"),
        ({"output": "softmax"}, "expected 'logits' or 'probabilities'"),
        ({"temperature": 0}, "temperature: expected a number of 0.05 to 20"),
        ({"files": {}}, "expected an entry for model.tflite"),
        ({"files": {"../model.tflite": {"sha256": ""}, "model.tflite": {"sha256": ""}}}, "file names of this folder"),
    ],
)
def test_what_is_wrong_is_named(package: Path, changes: dict[str, Any], message: str):
    write(package, **changes)
    with pytest.raises(ModelError, match=message):
        load_package(package, "face")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_rate_hz": 8000}, "sample_rate_hz of 16000"),
        ({"step_ms": 30}, "step_ms <= frame_ms"),
        ({"coefficients": 41}, "coefficients <= mel_filters"),
        ({"high_hz": 9000}, "half the sample rate"),
        ({"std": [1.0, 0.0]}, "one std above 0"),
        ({"mean": [0.0]}, "one mean and one std"),
        ({"mean": [0.0, "x"]}, "input.mean: expected"),
    ],
)
def test_what_is_wrong_with_a_speech_input_is_named(package: Path, changes: dict[str, Any], message: str):
    write(package, task="speech", input={**SPEECH, **changes})
    with pytest.raises(ModelError, match=message):
        load_package(package, "speech")


@pytest.mark.parametrize(("text", "message"), [("{", "expected JSON"), ("[]", "expected a JSON object, got list")])
def test_a_broken_description_is_named(package: Path, text: str, message: str):
    (package / "model.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        load_package(package, "face")


def test_a_missing_file_is_named(package: Path):
    (package / "model.tflite").unlink()
    with pytest.raises(ModelError, match=r"model\.tflite: cannot be read: No such file"):
        load_package(package, "face")


def test_a_package_is_found_by_path_or_by_name(package: Path):
    assert find_package(f"{package}/") == package
    assert find_package(package.name, (package.parent,)) == package
    assert (find_package("face-emotion") / "model.json").is_file()
    with pytest.raises(ModelError, match=r"model package 'nothing': expected a folder with model.json, found none"):
        find_package("nothing")
