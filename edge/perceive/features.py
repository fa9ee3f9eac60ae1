"""From pictures and sound to the tensors that models read: pure functions, shared by training and the device.

This module is the one definition of every feature. What it does for given parameters must never change, but for a few
grey levels in how pictures are scaled (tests/perceive/test_features.py says how many); a new feature is a new
parameter, so that a model package trained before keeps meaning the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from python_speech_features import base as psf
from scipy.fft import dct, rfft

from edge.perceive.prosody import voicing_and_pitch
from edge.records import Box


@dataclass(frozen=True, slots=True)
class FaceInput:
    """How a face becomes a tensor.

    `channels` is 1 (grey) or 3, in the `order` ``rgb`` or ``bgr``; pixel values 0..255 are mapped linearly onto
    `low`..`high`; then, where they are given, `mean` is subtracted and `std` divided by, one number for each channel in
    that order. `crop_margin` is added on each side of the detector's box, as a share of its longer side. `align` is
    ``eyes`` where the face is turned until its eyes lie level, or empty.
    """

    height: int
    width: int
    channels: int
    low: float
    high: float
    crop_margin: float
    order: str = "rgb"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    align: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.height, self.width, self.channels)


@dataclass(frozen=True, slots=True)
class DetectorInput:
    """How a picture becomes a detector's tensor: fitted into `height` x `width` with its proportions kept.

    `channels` is 3 (RGB); pixel values 0..255 are mapped linearly onto `low`..`high`.
    """

    height: int
    width: int
    channels: int
    low: float
    high: float

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.height, self.width, self.channels)


@dataclass(frozen=True, slots=True)
class SpeechInput:
    """How a window of sound becomes a tensor of MFCC frames.

    `mean_removed`: each coefficient's mean over the window is subtracted (cepstral mean normalisation), which
    removes microphone gain and colour. Then (x - mean) / std per channel, with constants of the training set.
    `log_mel`: the logarithms of the mel filters, as many as `coefficients`, instead of their cosine transform.
    `pitch` adds two channels, voicing and pitch; `energy` one, the level below the window's loudest frame;
    `deltas` doubles the channels by their slopes.
    """

    sample_rate_hz: int
    window_ms: int
    frame_ms: int
    step_ms: int
    mel_filters: int
    coefficients: int
    low_hz: int
    high_hz: int
    mean_removed: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]
    log_mel: bool = False
    pitch: bool = False
    energy: bool = False
    deltas: bool = False

    @property
    def window_samples(self) -> int:
        return self.sample_rate_hz * self.window_ms // 1000

    @property
    def frames(self) -> int:
        """MFCC frames in a window: those that fit whole."""
        return 1 + (self.window_ms - self.frame_ms) // self.step_ms

    @property
    def frame_samples(self) -> int:
        return self.sample_rate_hz * self.frame_ms // 1000

    @property
    def step_samples(self) -> int:
        return self.sample_rate_hz * self.step_ms // 1000

    @property
    def values(self) -> int:
        """What is computed of a frame by itself, before normalisation: coefficients, voicing, pitch, level."""
        return self.coefficients + 2 * self.pitch + self.energy

    @property
    def channels(self) -> int:
        return self.values * (1 + self.deltas)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, self.channels)


# Power added to every mel filter before the logarithm, for samples in [-1, 1]: the power of white noise at about
# -90 dBFS. Digital silence then gives a constant instead of log(0), and dither below it cannot be heard by the model.
_MEL_FLOOR = 1e-9
# Turning costs a second interpolation: not for less than this. More than the other is no tilted head but a profile,
# whose eyes lie one upon the other.
_LEVEL_DEGREES, _MOST_DEGREES = 3.0, 60.0
_TURNED_REACH = 1.42  # a square turned by 45 degrees
_PREEMPHASIS = 0.97  # python_speech_features' default
_LIFTER = 22  # python_speech_features' default (HTK's)
_DELTA_FRAMES = 2  # on each side of a frame, for its slope
_LOWEST_LEVEL_DB = -60.0  # below the loudest frame of a window; what is softer is all the same


def crop_face(image: NDArray[np.uint8], box: Box, margin: float) -> NDArray[np.uint8]:
    """Cut a square around `box` out of `image`, repeating the border where it reaches outside.

    Args:
        image: uint8 [H, W, 3] or [H, W].
        box: the face, in pixels of `image`; its longer side (plus `margin` of it on each side) is the square's.

    Returns:
        uint8 [S, S, 3] or [S, S], S >= 1; a view of `image` where the square lies inside it.
    """
    side = max(1, round(max(box.width, box.height) * (1 + 2 * margin)))
    left = round(box.x + box.width / 2 - side / 2)
    top = round(box.y + box.height / 2 - side / 2)
    height, width = image.shape[:2]
    inside = image[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if inside.shape[0] == side and inside.shape[1] == side:
        return inside
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return np.asarray(image[np.ix_(rows, columns)])


def align_face(
    image: NDArray[np.uint8], box: Box, landmarks: NDArray[np.float32], spec: FaceInput
) -> NDArray[np.uint8]:
    """Like `crop_face` with `spec.crop_margin`, turned around the box's middle until the eyes lie level.

    Args:
        landmarks: float32 [5, 2] in pixels of `image`; the first two are the person's right and left eye.

    Returns:
        uint8 [spec.height, spec.width, 3] or [spec.height, spec.width].
    """
    across, down = (float(value) for value in landmarks[1] - landmarks[0])
    degrees = math.degrees(math.atan2(down, across))
    margin = spec.crop_margin
    if abs(degrees) < _LEVEL_DEGREES or abs(degrees) > _MOST_DEGREES:
        crop = crop_face(image, box, margin)
        return _resized(crop, spec.width, spec.height)
    # The square that holds the turned one, already at the model's scale: what is turned is small.
    reach = _TURNED_REACH * (1 + 2 * margin)
    crop = crop_face(image, box, (reach - 1) / 2)
    wide, high = round(_TURNED_REACH * spec.width), round(_TURNED_REACH * spec.height)
    crop = _resized(crop, wide, high)
    matrix = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), degrees, 1.0)
    matrix[0, 2] -= (wide - spec.width) / 2
    matrix[1, 2] -= (high - spec.height) / 2
    return np.asarray(
        cv2.warpAffine(crop, matrix, (spec.width, spec.height), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _resized(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    picture = _twice(picture, width, height)
    if picture.shape[:2] == (height, width):
        return picture
    # INTER_AREA averages when shrinking (no aliasing); it is no good for enlarging.
    shrinking = picture.shape[0] >= height and picture.shape[1] >= width
    interpolation = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=interpolation), np.uint8)


def _twice(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture that is larger than twice `width` and `height`, shrunk to that: averaged over whole numbers of pixels,
    then interpolated. OpenCV is quick at both, and at halving what results; at averaging over fractions it takes three
    times as long as all of this, for pixels that differ by 0.4 levels on average."""
    down, across = picture.shape[0] // (2 * height), picture.shape[1] // (2 * width)
    if min(down, across) < 1 or picture.shape[:2] == (2 * height, 2 * width):
        return picture
    if max(down, across) > 1:
        rows, columns = picture.shape[0] // down, picture.shape[1] // across
        whole = picture[: rows * down, : columns * across]
        picture = np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(picture, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR), np.uint8)


def face_picture(crop: NDArray[np.uint8], width: int, height: int, channels: int) -> NDArray[np.uint8]:
    """uint8 [h, w, 3] RGB or [h, w] grey -> uint8 [height, width] for 1 channel, [height, width, 3] for 3."""
    crop = _twice(crop, width, height)
    if channels == 1 and crop.ndim == 3:
        crop = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    crop = _resized(crop, width, height)
    if channels == 3 and crop.ndim == 2:
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB), np.uint8)
    return crop


def face_tensor(crop: NDArray[np.uint8], spec: FaceInput, levels: NDArray[Any] | None = None) -> NDArray[Any]:
    """Scale a face crop to the model's input.

    Args:
        crop: uint8 [h, w, 3] RGB or [h, w] grey, h and w >= 1.
        levels: `face_levels(spec)` in a model's own number type.

    Returns:
        [H, W, C] of the values in `levels`; without them float32 in `spec.low`..`spec.high`, then standardised by
        `spec.mean` and `spec.std`.
    """
    picture = face_picture(crop, spec.width, spec.height, spec.channels)
    if spec.order == "bgr" and spec.channels == 3:
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8)
    return cv2.LUT(picture, face_levels(spec) if levels is None else levels).reshape(spec.shape)


@lru_cache(maxsize=8)
def face_levels(spec: FaceInput) -> NDArray[np.float32]:
    """What each level 0..255 of each of the model's channels becomes: float32 [1, 256, C]."""
    levels = np.arange(256, dtype=np.float32) * np.float32((spec.high - spec.low) / 255) + np.float32(spec.low)
    channels = np.repeat(levels[np.newaxis, :, np.newaxis], spec.channels, axis=2)
    if spec.mean:
        channels = channels - np.asarray(spec.mean, np.float32)
    if spec.std:
        channels = channels / np.asarray(spec.std, np.float32)
    return np.asarray(channels, np.float32)


def picture_tensor(picture: NDArray[np.uint8], spec: DetectorInput) -> NDArray[np.float32]:
    """uint8 [..., C] -> float32 [..., C] in `spec.low`..`spec.high`."""
    return np.asarray(picture * np.float32((spec.high - spec.low) / 255) + np.float32(spec.low), np.float32)


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
