from __future__ import annotations

import os
from pathlib import Path

import pytest

from convert.keras_start import output_to, start_keras


def test_what_libraries_write_below_python_goes_to_the_file(tmp_path: Path, capfd):
    with output_to(tmp_path / "log"):
        os.write(1, b"output\n")
        os.write(2, b"error\n")
    os.write(1, b"afterwards\n")
    assert (tmp_path / "log").read_text() == "output\nerror\n"
    assert capfd.readouterr() == ("afterwards\n", "")


def test_an_error_inside_gives_the_streams_back(tmp_path: Path, capfd):
    with pytest.raises(ValueError, match="broken"), output_to(tmp_path / "log"):
        raise ValueError("broken")
    os.write(2, b"heard again\n")
    assert capfd.readouterr().err == "heard again\n"


def test_keras_starts_quietly_on_tensorflow(tmp_path: Path, capfd):
    keras = start_keras(tmp_path / "new" / "keras.log", tensorflow=True)
    assert keras.backend.backend() == "tensorflow"
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "new" / "keras.log").exists()
