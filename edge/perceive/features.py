"""From sound to the tensors that models read: pure functions, shared by training and the device.

What they do for given parameters must never change; a new feature is a new parameter, so that a model package trained
before keeps meaning the same.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from python_speech_features import base as psf
from scipy.fft import dct, rfft

from edge.perceive.inputs import SpeechInput
from edge.perceive.prosody import voicing_and_pitch

# Power added to every mel filter before the logarithm, for samples in [-1, 1]: the power of white noise at about
# -90 dBFS. Digital silence then gives a constant instead of log(0), and dither below it cannot be heard by the model.
_MEL_FLOOR = 1e-9
_PREEMPHASIS = 0.97  # python_speech_features' default
_LIFTER = 22  # python_speech_features' default (HTK's)
_DELTA_FRAMES = 2  # on each side of a frame, for its slope
_LOWEST_LEVEL_DB = -60.0  # below the loudest frame of a window; what is softer is all the same


@lru_cache(maxsize=8)
def _mel_filters(count: int, nfft: int, rate_hz: int, low_hz: int, high_hz: int) -> NDArray[np.float32]:
    return np.asarray(psf.get_filterbanks(count, nfft, rate_hz, low_hz, high_hz), np.float32)


@lru_cache(maxsize=8)
def _hamming(frame: int) -> NDArray[np.float64]:
    return np.hamming(frame)


def frame_values(samples: NDArray[np.float32], spec: SpeechInput, before: float | None = None) -> NDArray[np.float32]:
    """All that is computed of every whole frame in `samples` by itself.

    Mel-frequency cepstral coefficients (Davis and Mermelstein 1980), made of python_speech_features' own steps
    (pre-emphasis, Hamming window, mel filters, liftering), with a power floor before the logarithm and the filter bank
    computed once instead of at every call; then, as `spec` asks for them, voicing in [0, 1] and pitch in octaves above
    200 Hz, and the level in dBFS.

    Args:
        samples: float32 [N] in [-1, 1] at `spec.sample_rate_hz`.
        before: the sample before the first one, where sound comes in pieces: the frames are then those of the whole.

    Returns:
        float32 [T, spec.values], not normalised; T = frames that fit whole, 0 if `samples` is shorter than one.
    """
    frame, step = spec.frame_samples, spec.step_samples
    if len(samples) < frame:
        return np.zeros((0, spec.values), np.float32)
    wide = np.asarray(samples, np.float64)
    emphasised = psf.sigproc.preemphasis(wide, _PREEMPHASIS)
    if before is not None:
        emphasised[0] -= _PREEMPHASIS * before
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, frame)[::step]
    nfft = 1 << (frame - 1).bit_length()
    # The autocorrelation behind the pitch needs twice the length; every second bin of it is the shorter transform.
    stride = 1 + spec.pitch
    # Single precision from here: three quarters of the time, and no coefficient moves by what its model could tell.
    bins = rfft((frames * _hamming(frame)).astype(np.float32), nfft * stride)
    power = (bins.real**2 + bins.imag**2) / nfft  # of the shorter transform, as python_speech_features scales it
    mel = power[:, ::stride] @ _mel_filters(spec.mel_filters, nfft, spec.sample_rate_hz, spec.low_hz, spec.high_hz).T
    spectrum = np.log(mel + _MEL_FLOOR)
    if not spec.log_mel:
        spectrum = psf.lifter(dct(spectrum, type=2, axis=1, norm="ortho")[:, : spec.coefficients], _LIFTER)
    values = [spectrum]
    if spec.pitch:
        values.append(voicing_and_pitch(power * nfft, frame, spec.sample_rate_hz, _PREEMPHASIS))
    if spec.energy:
        squares = np.lib.stride_tricks.sliding_window_view(wide * wide, frame)[::step].mean(axis=1, keepdims=True)
        values.append(10 * np.log10(squares + _MEL_FLOOR))
    return np.asarray(np.concatenate(values, axis=1), np.float32)


def normalise_frames(values: NDArray[np.float32], spec: SpeechInput) -> NDArray[np.float32]:
    """What `frame_values` gives, float32 [T, values] of one window, T >= 1, as the model expects it: [T, channels]."""
    count = spec.coefficients
    cepstra = values[:, :count]
    if spec.mean_removed:
        cepstra = cepstra - cepstra.mean(axis=0, dtype=np.float64).astype(np.float32)
    parts = [cepstra]
    if spec.pitch:
        voicing = values[:, count : count + 1]
        # Without a voice the pitch is that of noise: it fades out with the voicing.
        parts += [voicing, values[:, count + 1 : count + 2] * np.clip((voicing - 0.3) / 0.3, 0.0, 1.0)]
    if spec.energy:
        level = values[:, -1:]
        parts.append(np.maximum(level - level.max(), _LOWEST_LEVEL_DB))
    joined = np.concatenate(parts, axis=1)
    if spec.deltas:
        joined = np.concatenate([joined, psf.delta(joined, _DELTA_FRAMES)], axis=1)
    normalised = (joined - np.asarray(spec.mean, np.float32)) / np.asarray(spec.std, np.float32)
    return np.asarray(normalised, np.float32)


def speech_tensor(samples: NDArray[np.float32], spec: SpeechInput) -> NDArray[np.float32]:
    """The model's input for one window: float32 [frames, channels] from float32 [window_samples] in [-1, 1].

    A longer signal is cut at its end; a shorter one is a caller's mistake and raises ValueError.
    """
    if len(samples) < spec.window_samples:
        raise ValueError(f"a window needs {spec.window_samples} samples, got {len(samples)}")
    return normalise_frames(frame_values(samples[: spec.window_samples], spec)[: spec.frames], spec)
