"""Models for other runtimes."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.cli import main


@pytest.mark.parametrize("form", ["onnx", "savedmodel", "keras"])
def test_an_exported_model_answers_as_the_original(tiny_keras, tmp_path, capfd, form):
    out = tmp_path / {"onnx": "m.onnx", "savedmodel": "m", "keras": "m.keras"}[form]
    if form == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("tf2onnx")
    assert main(["export", str(tiny_keras(".h5")), "--format", form, "--out", str(out)]) == 0
    shown = capfd.readouterr()
    assert "differ from the original's by at most" in shown.out
    assert len((shown.out + shown.err).strip().splitlines()) == 1
    assert out.exists()


def test_what_is_no_keras_model_is_refused(tiny_keras, tmp_path: Path, capsys):
    assert main(["export", str(tiny_keras(".tflite")), "--format", "onnx", "--out", str(tmp_path / "m.onnx")]) == 1
    assert "expected a Keras model" in capsys.readouterr().err
    assert main(["export", str(tiny_keras()), "--format", "onnx", "--out", str(tmp_path / "m.h5")]) == 1
    assert "--out: expected a name that ends in .onnx" in capsys.readouterr().err
