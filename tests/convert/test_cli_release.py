"""The gate from end to end, by the command line: what a stranger's model becomes, and what must not ship."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.cli import main
from convert.datasets.fer2013 import load
from convert.keras_start import start_keras
from edge.perceive.accelerate import Wanted, open_model
from edge.perceive.golden import check_golden
from edge.perceive.package import load_package
from edge.perceive.runtime import Model
from edge.records import EMOTIONS

_RIDGE = 1e-3


@pytest.fixture(scope="module")
def reader(many_fer: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A Keras model that reads the bars of many_fer, fitted in closed form to pixels in -1..1: reader(narrow=True).

    `narrow`: in between, one channel is nine thousand times as wide as those that matter: int8 cannot hold both.
    """
    folder = tmp_path_factory.mktemp("reader")
    keras = start_keras(folder / "keras.log", tensorflow=True)
    faces = load(many_fer, "train")
    pixels = faces.images[:, :, :, np.newaxis].astype(np.float32) / 127.5 - 1
    layers = keras.layers

    def make(suffix: str = ".keras", narrow: bool = False, unknown: bool = False) -> Path:
        inputs = layers.Input((48, 48, 1))
        columns = layers.AveragePooling2D((48, 3))(inputs)
        features = keras.Model(inputs, layers.Flatten()(columns)).predict(pixels, verbose=0)
        bias = np.hstack([features, np.ones((len(features), 1), np.float32)])
        target = 12 * np.eye(7)[faces.labels] - 4
        weights = np.linalg.solve(bias.T @ bias + _RIDGE * np.eye(bias.shape[1]), bias.T @ target)
        x = columns
        if narrow:
            wide = layers.Conv2D(2, 1, use_bias=False, name="wide")
            x = layers.Conv2D(1, 1, use_bias=False, name="back")(wide(x))
        if unknown:
            x = keras.ops.arctan2(x, keras.ops.ones_like(x))
        said = layers.Dense(7, activation="softmax", name="said")
        model = keras.Model(inputs, said(layers.Flatten()(x)))
        said.set_weights([weights[:-1], weights[-1]])
        if narrow:
            wide.set_weights([np.array([[[[9000.0, 1.0]]]])])
            model.get_layer("back").set_weights([np.array([[[[0.0], [1.0]]]])])
        path = folder / f"reader-{narrow}-{unknown}{suffix}"
        model.save(path)
        return path

    return make


def _run(model: Path, data: Path, out: Path, *options: str) -> tuple[int, dict[str, Any]]:
    code = main(["quantize", str(model), "--task", "face", "--calibration", str(data), "--out", str(out), *options])
    return code, json.loads((out.parent / f"{out.name}-report" / "report.json").read_text(encoding="utf-8"))


def test_an_old_keras_file_becomes_a_package_without_a_word_about_it(reader, many_fer, tmp_path, capfd):
    code, report = _run(reader(".h5"), many_fer, tmp_path / "mine")
    assert code == 0, capfd.readouterr().err
    assert report["contract"]["input"] | {"low": -1.0, "high": 1.0, "channels": 1} == report["contract"]["input"]
    assert report["contract"]["known_by"]["range"].startswith("measured: right for 100.0 % of 294 labelled faces")
    assert (report["compared"]["count"], report["findings"]) == (294, [])
    assert len(report["calibration"]["items"]) == report["calibration"]["count"] == 210
    assert (tmp_path / "mine-report" / "recall.png").read_bytes().startswith(b"\x89PNG")
    assert "# reader-False-False.h5 as int8: may ship" in (tmp_path / "mine-report" / "report.md").read_text()
    model = Model(load_package(tmp_path / "mine", "face"))
    assert check_golden(model).status == "passed"


def test_swapped_labels_are_stopped(reader, many_fer, tmp_path, capfd):
    labels = ",".join(["happy", *EMOTIONS[1:3], "angry", *EMOTIONS[4:]])
    code, report = _run(reader(), many_fer, tmp_path / "mine", "--labels", labels, "--range=-1,1")
    assert code == 1
    (finding,) = report["findings"]
    assert finding["what"] == "labels"
    assert "'angry' seems to be 'happy'" in finding["message"]
    assert "was not written" in capfd.readouterr().err
    assert not (tmp_path / "mine").exists()


def test_wrong_scaling_is_stopped_and_the_right_one_named(reader, many_fer, tmp_path):
    code, report = _run(reader(), many_fer, tmp_path / "mine", "--labels", ",".join(EMOTIONS), "--range=0,1")
    assert code == 1
    assert "scaling" in [finding["what"] for finding in report["findings"]]
    assert any("onto -1..1 rgb" in finding["message"] for finding in report["findings"])


def test_a_layer_that_int8_cannot_hold_is_stopped_named_and_saved_by_mixed_precision(reader, many_fer, tmp_path):
    given = ("--labels", ",".join(EMOTIONS), "--range=-1,1")
    code, report = _run(reader(narrow=True), many_fer, tmp_path / "mine", *given)
    assert code == 1
    assert report["findings"][0]["what"] == "accuracy"
    assert "--scheme mixed" in report["findings"][0]["advice"]
    assert "wide" in report["findings"][0]["advice"] or "back" in report["findings"][0]["advice"]
    code, report = _run(reader(narrow=True), many_fer, tmp_path / "mixed", *given, "--scheme", "mixed")
    assert code == 0, report["findings"]
    assert report["in_float"]


def test_an_operation_without_int8_is_stopped_and_named(reader, many_fer, tmp_path):
    given = ("--labels", ",".join(EMOTIONS), "--range=-1,1")
    code, report = _run(reader(unknown=True), many_fer, tmp_path / "mine", *given)
    assert code == 1
    assert report["findings"][0]["what"] == "operation"
    assert "atan2" in report["findings"][0]["message"].lower()


def test_the_gpu_variant_answers_as_the_cpu_in_float16(reader, many_fer, tmp_path, monkeypatch):
    icd = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
    if not icd.is_file():
        pytest.skip("needs a software Vulkan driver: apt-get install chromium-common libvulkan1")
    monkeypatch.setenv("VK_ICD_FILENAMES", str(icd))
    assert _run(reader(), many_fer, tmp_path / "mine")[0] == 0
    package = load_package(tmp_path / "mine", "face")
    gpu, choice = open_model(package, Wanted("gpu"))
    assert (choice.accelerator, choice.file) == ("gpu", "model_float16.tflite")
    cpu = Model(package, file="model_float16.tflite")
    for tensor in np.random.default_rng(0).uniform(-1, 1, (5, 48, 48, 1)).astype(np.float32):
        np.testing.assert_allclose(gpu.probabilities(tensor), cpu.probabilities(tensor), atol=2e-2)
    assert check_golden(gpu).status == "passed"


def test_fine_tuning_keeps_what_the_model_knows(reader, many_fer, tmp_path):
    given = ("--labels", ",".join(EMOTIONS), "--range=-1,1", "--calibration-count", "32", "--no-float16")
    code, report = _run(reader(), many_fer, tmp_path / "mine", *given, "--finetune", "1")
    assert (code, report["finetuned_epochs"]) == (0, 1)
    assert "model_float16.tflite" not in load_package(tmp_path / "mine", "face").description["files"]
