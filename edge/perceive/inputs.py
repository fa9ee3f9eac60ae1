"""What a model reads, as its package declares it: how pictures and sound become its tensors."""

from __future__ import annotations

from dataclasses import dataclass


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
