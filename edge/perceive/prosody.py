"""Pitch and voicing of frames of sound, from the power spectrum that the MFCC need anyway."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft

# Voices from a low man's to a frightened woman's; a frame of 32 ms holds two periods of the lowest.
_LOWEST_HZ, _HIGHEST_HZ = 60, 500
#: Pitch is told in octaves above this.
_REFERENCE_HZ = 200.0
# Formants above have no part in the period of the voice.
_LOW_PASS_HZ = 1500
# A lag an octave longer must be better by this much: the half of the pitch fits any periodic sound as well (Boersma).
_OCTAVE_COST = 0.02
# Added to a frame's energy: what is softer than about -53 dBFS has no pitch that could be told.
_LEAST_ENERGY = 1e-3


def voicing_and_pitch(
    power: NDArray[np.floating[Any]], window: int, rate_hz: int, preemphasis: float
) -> NDArray[np.float64]:
    """Voicing in [0, 1] and pitch in octaves above 200 Hz, by the autocorrelation method of Boersma (1993).

    The frame's autocorrelation is divided by that of its Hamming window; the greatest value between the periods of
    60 and 500 Hz is the voicing, its place the period.

    Args:
        power: |FFT|^2 float32 or float64 [T, bins] of frames of `window` samples after pre-emphasis and a Hamming
            window, of a length of at least twice `window`, so that the autocorrelation does not wrap around.

    Returns:
        float64 [T, 2].
    """
    length = 2 * (power.shape[1] - 1)
    shape, lags, of_window = _constants(length, window, rate_hz, preemphasis)
    correlation = irfft(power * shape)
    periodic = correlation[:, lags] / (correlation[:, :1] + _LEAST_ENERGY) / of_window
    periodic -= _OCTAVE_COST * np.log2(lags / lags[0])
    best = periodic.argmax(axis=1)
    voicing = np.clip(periodic[np.arange(len(best)), best], 0.0, 1.0)
    return np.stack([voicing, np.log2(rate_hz / lags[best] / _REFERENCE_HZ)], axis=1)


@lru_cache(maxsize=8)
def _constants(
    length: int, window: int, rate_hz: int, preemphasis: float
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """What undoes the pre-emphasis and cuts off the formants; the lags; the window's autocorrelation at the lags."""
    hz = np.fft.rfftfreq(length, 1 / rate_hz)
    emphasis = np.abs(1 - preemphasis * np.exp(-2j * np.pi * hz / rate_hz)) ** 2
    lags = np.arange(rate_hz // _HIGHEST_HZ, rate_hz // _LOWEST_HZ + 1)
    of_window = np.fft.irfft(np.abs(np.fft.rfft(np.hamming(window), length)) ** 2)
    return ((hz < _LOW_PASS_HZ) / emphasis).astype(np.float32), lags, of_window[lags] / of_window[0]
