"""Recordings for the capture room, made by the tests themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.capture.recordings import write_clip


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Three seconds of picture and sound in step."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture
def tone_wav(tmp_path):
    """A function that writes a stereo tone and gives its path."""

    def write(name: str = "tone.wav", *, hz: float = 440.0, rate_hz: int = 44_100, seconds: float = 1.0) -> Path:
        times = np.arange(round(seconds * rate_hz)) / rate_hz
        wave = 0.5 * np.sin(2 * np.pi * hz * times)
        soundfile.write(tmp_path / name, np.stack([wave, wave], axis=1), rate_hz)
        return tmp_path / name

    return write
