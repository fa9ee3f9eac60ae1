"""Golden behaviour of the features of sound that training and the device share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import python_speech_features as psf

from edge.perceive.features import frame_values, normalise_frames, speech_tensor
from edge.perceive.inputs import SpeechInput

MFCC = SpeechInput(16_000, 1000, 25, 10, 40, 20, 60, 7600, True, (0.0,) * 20, (1.0,) * 20)


def tone(hz: float, seconds: float, amplitude: float = 0.1) -> np.ndarray:
    time_s = np.arange(int(16_000 * seconds)) / 16_000
    return (amplitude * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def test_mfcc_is_what_python_speech_features_computes():
    """The same steps as its own mfcc(). The floor, far below this signal, moves a coefficient by less than 0.06."""
    rng = np.random.default_rng(3)
    samples = (tone(440, 1) + rng.normal(0, 0.05, 16_000)).astype(np.float32)
    theirs = psf.mfcc(
        samples, 16_000, 0.025, 0.01, 20, 40, 512, 60, 7600, 0.97, 22, appendEnergy=False, winfunc=np.hamming
    )
    ours = frame_values(samples, MFCC)
    assert ours.shape == (98, 20)
    np.testing.assert_allclose(ours, theirs[:98], rtol=0, atol=0.06)


def test_frames_do_not_depend_on_where_the_window_begins():
    """Each frame is its own, but for the pre-emphasis of the very first sample: streaming can compute it once."""
    samples = np.random.default_rng(4).normal(0, 0.1, 16_000).astype(np.float32)
    np.testing.assert_allclose(frame_values(samples[1600:], MFCC)[1:], frame_values(samples, MFCC)[11:], atol=1e-4)


def test_silence_is_a_constant_and_finite():
    cepstra = frame_values(np.zeros(16_000, np.float32), MFCC)
    assert np.isfinite(cepstra).all()
    assert np.ptp(cepstra, axis=0).max() < 1e-5


def test_gain_falls_out_with_the_mean():
    noise = np.random.default_rng(5).normal(0, 0.3, 16_000).astype(np.float32)
    # 20 dB softer; what is left is the floor under the softest bands.
    assert np.abs(speech_tensor(noise, MFCC) - speech_tensor(noise / 10, MFCC)).mean() < 0.05
    assert speech_tensor(noise, MFCC).std() > 1


def test_normalisation_uses_the_constants_of_the_package():
    spec = replace(MFCC, mean_removed=False, mean=(2.0,) * 20, std=(4.0,) * 20)
    np.testing.assert_allclose(normalise_frames(np.full((3, 20), 10, np.float32), spec), 2.0)


def test_lengths():
    assert MFCC.shape == (98, 20) == speech_tensor(tone(200, 1), MFCC).shape
    assert frame_values(np.zeros(100, np.float32), MFCC).shape == (0, 20)
    with pytest.raises(ValueError, match="needs 16000 samples, got 15999"):
        speech_tensor(np.zeros(15_999, np.float32), MFCC)
