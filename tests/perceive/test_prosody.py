"""Voicing and pitch of signals whose pitch is known."""

from __future__ import annotations

import numpy as np
import pytest

from edge.perceive.features import frame_values
from edge.perceive.inputs import SpeechInput

SPEC = SpeechInput(16_000, 1000, 32, 16, 40, 20, 60, 7000, True, (0.0,) * 22, (1.0,) * 22, pitch=True)


def prosody(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values = frame_values(samples.astype(np.float32), SPEC)
    return values[:, -2], 200 * 2 ** values[:, -1]


def buzz(hz: float, amplitude: float = 0.1) -> np.ndarray:
    """As of vocal folds: harmonics that fall by 12 dB an octave."""
    time_s = np.arange(16_000) / 16_000
    return amplitude * sum(np.sin(2 * np.pi * hz * n * time_s) / n**2 for n in range(1, 20))


@pytest.mark.parametrize("hz", [80, 120, 180, 260, 400])
def test_the_pitch_of_a_voice_is_found_within_a_semitone(hz):
    voicing, pitch = prosody(buzz(hz))
    assert voicing.min() > 0.8
    assert np.abs(12 * np.log2(pitch / hz)).max() < 1


def test_a_voice_over_noise_is_still_voiced_and_noise_alone_is_not():
    noise = np.random.default_rng(0).normal(0, 0.02, 16_000)
    voiced, pitch = prosody(buzz(150) + noise)
    assert np.median(voiced) > 0.8
    assert np.median(pitch) == pytest.approx(150, rel=0.05)
    assert np.median(prosody(noise)[0]) < 0.6


def test_silence_has_no_voice():
    voicing, pitch = prosody(np.zeros(16_000))
    assert voicing.max() == 0
    assert np.isfinite(pitch).all()


def test_loudness_does_not_matter():
    np.testing.assert_allclose(prosody(buzz(150))[1], prosody(buzz(150, 0.5))[1], rtol=0.01)
