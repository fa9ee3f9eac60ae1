from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.datasets.sound import digest, read_sound
from edge.errors import ConfigError


def test_any_rate_and_channels_become_mono_at_16_khz(tmp_path: Path, write_wav):
    time_s = np.arange(48_000) / 48_000
    path = write_wav(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 440 * time_s), rate_hz=48_000, channels=2)
    samples = read_sound(path)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(16_000, abs=32)
    spectrum = np.abs(np.fft.rfft(samples[:16_000], 16_000))
    assert spectrum.argmax() == 440
    assert np.abs(samples[1000:-1000]).max() == pytest.approx(0.5, abs=0.01)


def test_the_digest_is_of_the_sound_not_of_the_file(tmp_path: Path, write_wav):
    soundfile = pytest.importorskip("soundfile")
    samples = 0.1 * np.random.default_rng(0).standard_normal(4000)
    wav = write_wav(tmp_path / "a.wav", samples)
    soundfile.write(tmp_path / "a.flac", np.rint(samples * 32767).astype(np.int16), 16_000, subtype="PCM_16")
    other = write_wav(tmp_path / "b.wav", samples * 0.99)
    assert digest(read_sound(wav)) == digest(read_sound(tmp_path / "a.flac"))
    assert digest(read_sound(wav)) != digest(read_sound(other))


def test_what_is_no_sound_is_named(tmp_path: Path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF, but not really")
    with pytest.raises(ConfigError, match=r"broken\.wav: expected a sound file"):
        read_sound(tmp_path / "broken.wav")
