"""Recognition of real sentences, and what is said where it cannot be had."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.demo.clip import synthetic_voice
from edge.errors import ConfigError
from edge.perceive.recognition import PocketSphinx, SherpaOnnx, open_recognizer


def test_pocketsphinx_understands_a_sentence(ravdess_sentence):
    transcript = PocketSphinx().transcribe(ravdess_sentence)
    assert transcript.text == "kids are talking by the door"
    assert 0.1 < transcript.confidence <= 1


def test_the_hub_needs_no_recognizer():
    assert open_recognizer("hub") is None


def test_a_folder_without_a_model_is_named(tmp_path: Path):
    pytest.importorskip("sherpa_onnx", reason="needs sherpa-onnx (no part of the base package)")
    with pytest.raises(ConfigError, match=f"{tmp_path}: expected a model of sherpa-onnx"):
        SherpaOnnx(tmp_path)


@pytest.fixture
def transducer(tmp_path: Path) -> Path:
    """A folder with a model of sherpa-onnx."""
    pytest.importorskip("sherpa_onnx", reason="needs sherpa-onnx (no part of the base package)")
    pytest.importorskip("onnx", reason="needs onnx to make a model (no part of the base package)")
    from tests.perceive.tiny_transducer import write_transducer

    write_transducer(tmp_path)
    return tmp_path


def test_a_model_of_sherpa_onnx_is_read_by_its_folder_and_hears_the_sound(transducer: Path):
    recognizer = open_recognizer(f"sherpa-onnx:{transducer}")
    assert isinstance(recognizer, SherpaOnnx)
    assert recognizer.transcribe(np.zeros(16_000, np.float32)) == ("", 0.0)
    assert recognizer.transcribe(synthetic_voice(1)) == ("THANK YOU", 0.8)
    assert recognizer.transcribe(np.zeros(16_000, np.float32)) == ("", 0.0)


def test_a_damaged_model_is_named(transducer: Path):
    (transducer / "encoder.onnx").write_bytes(b"a download that was cut")
    with pytest.raises(ConfigError, match=f"{transducer}: sherpa-onnx cannot read it"):
        SherpaOnnx(transducer)


@pytest.mark.parametrize(
    ("module", "opened", "extra"),
    [
        ("pocketsphinx", "PocketSphinx()", "words"),
        ("sherpa_onnx", "SherpaOnnx(Path('x'))", "words-sherpa"),
    ],
)
def test_what_is_not_installed_is_named_with_its_extra(module: str, opened: str, extra: str):
    code = f"""
import sys
from pathlib import Path
sys.modules[{module!r}] = None  # as if it were not installed
from edge.perceive.recognition import PocketSphinx, SherpaOnnx
try:
    {opened}
except Exception as error:
    print(type(error).__name__, error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert said.startswith("ConfigError")
    assert f"pip install 'emotion-edge[{extra}]'" in said
