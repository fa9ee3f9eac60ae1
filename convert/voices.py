"""Speech clips as MFCC: one deterministic window for tests, several augmented takes for training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from convert.datasets.sound import RATE_HZ, digest, read_sound
from convert.datasets.speech import Clip
from edge.perceive.features import SpeechInput, mfcc
from edge.records import EMOTIONS

# A take is longer than a window, so that training can place the window anywhere up to half a second off.
_TAKE_MS = 4000
# TESS has two speakers with 1,400 clips each: it needs no more variety from takes.
_TAKES = {"ravdess": 8, "emodb": 8, "tess": 3}
_SPEEDS = ((10, 11), (1, 1), (10, 9))  # 10 % faster, as it is, 10 % slower (Ko et al. 2015), as up/down
_GAIN_DB = (-15.0, 10.0)
_NOISE_PROBABILITY = 0.5
_NOISE_SNR_DB = (5.0, 30.0)
_MICROPHONE_DBFS = (-80.0, -50.0)  # hiss of the microphone and its amplifier
_QUIET_DBFS = -70.0  # the same for tests
# Below the loudest by this much is no longer the sentence, but breath and room.
_UTTERANCE_DB = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """Clips with their features, MFCC before normalisation.

    `windows` float32 [clips, frames, C]; `takes` float16 [takes, frames of a take, C]; `take_clip` int64 [takes] is
    the clip of each take; `digests` tells identical sounds.
    """

    clips: tuple[Clip, ...]
    digests: tuple[str, ...]
    windows: NDArray[np.float32]
    takes: NDArray[np.float16]
    take_clip: NDArray[np.int64]

    @property
    def labels(self) -> NDArray[np.int64]:
        """int64 [clips]: indices of EMOTIONS."""
        return np.array([EMOTIONS.index(clip.emotion) for clip in self.clips], np.int64)

    def spoken_by(self, speakers: tuple[str, ...]) -> NDArray[np.bool_]:
        """bool [clips]: which clips are by one of `speakers`."""
        return np.array([clip.speaker in speakers for clip in self.clips], bool)


def load_voices(
    clips: Iterable[Clip], spec: SpeechInput, seed: int, noises: Sequence[NDArray[np.float32]] | None = None
) -> Voices:
    """Read `clips` and compute their features: windows, and takes too if `noises` (perhaps none) are given.

    A sound that is there twice (RAVDESS has one) is taken once. The same seed gives the same features.

    Args:
        noises: sounds float32 [N] without speech, to lie behind some of the takes.

    Raises:
        ConfigError: a file cannot be read.
    """
    from tqdm import tqdm

    read: list[Clip] = []
    digests: dict[str, int] = {}
    windows, made, owners = [], [], []
    for clip in tqdm(list(clips), "features", unit="clip", mininterval=1, leave=False, disable=None):
        samples = read_sound(clip.path)
        mark = digest(samples)
        if mark in digests:
            continue
        digests[mark] = len(read)
        # Random numbers depend on the sound alone: one more corpus changes nothing for the others.
        rng = np.random.default_rng((seed, int(mark[:8], 16)))
        windows.append(mfcc(centred_window(samples, spec, rng), spec))
        for _ in range(0 if noises is None else _TAKES[clip.corpus]):
            made.append(mfcc(_take(samples, noises or (), rng), spec).astype(np.float16))
            owners.append(len(read))
        read.append(clip)
    return Voices(
        tuple(read),
        tuple(digests),
        np.stack(windows) if windows else np.zeros((0, *spec.shape), np.float32),
        np.stack(made) if made else np.zeros((0, 0, spec.coefficients), np.float16),
        np.array(owners, np.int64),
    )


def utterance_centre(samples: NDArray[np.float32]) -> int:
    """The middle, in samples, of the part of float32 [N] that is spoken: within 30 dB of its loud frames."""
    hop = RATE_HZ // 100
    count = len(samples) // hop
    if count == 0:
        return len(samples) // 2
    power = np.square(samples[: count * hop].reshape(count, hop)).mean(axis=1) + 1e-10
    loud = np.flatnonzero(power > np.percentile(power, 95) * 10 ** (-_UTTERANCE_DB / 10))
    return int(loud[0] + loud[-1] + 1) * hop // 2 if len(loud) else len(samples) // 2


def centred_window(samples: NDArray[np.float32], spec: SpeechInput, rng: np.random.Generator) -> NDArray[np.float32]:
    """float32 [window_samples]: the device's window with the utterance in its middle, and a quiet microphone's hiss."""
    window = _cut(samples, utterance_centre(samples), spec.window_samples)
    return _with_hiss(window, _QUIET_DBFS, rng)


def _take(
    samples: NDArray[np.float32], noises: Sequence[NDArray[np.float32]], rng: np.random.Generator
) -> NDArray[np.float32]:
    """A take: another speed, gain and background, float32 [_TAKE_MS]."""
    up, down = _SPEEDS[rng.integers(len(_SPEEDS))]
    if up != down:
        samples = resample_poly(samples, up, down).astype(np.float32)
    take = _cut(samples, utterance_centre(samples), RATE_HZ * _TAKE_MS // 1000)
    if noises and rng.random() < _NOISE_PROBABILITY:
        noise = noises[int(rng.integers(len(noises)))]
        noise = np.resize(np.roll(noise, rng.integers(len(noise))), len(take))
        snr = 10 ** (rng.uniform(*_NOISE_SNR_DB) / 10)
        # Against the spoken part, not the silence around it: the loudest tenth stands for it.
        speech_power = np.percentile(np.square(take), 90)
        take = take + noise * np.sqrt(speech_power / snr / (np.square(noise).mean() + 1e-10))
    take = take * 10 ** (rng.uniform(*_GAIN_DB) / 20)
    return _with_hiss(take, rng.uniform(*_MICROPHONE_DBFS), rng)


def _cut(samples: NDArray[np.float32], centre: int, length: int) -> NDArray[np.float32]:
    """`length` samples around `centre`, silence where there are none."""
    start = centre - length // 2
    cut = np.zeros(length, np.float32)
    first, last = max(start, 0), min(start + length, len(samples))
    if last > first:
        cut[first - start : last - start] = samples[first:last]
    return cut


def _with_hiss(samples: NDArray[np.float32], level_dbfs: float, rng: np.random.Generator) -> NDArray[np.float32]:
    hiss = rng.standard_normal(len(samples), np.float32) * np.float32(10 ** (level_dbfs / 20))
    return np.asarray(np.clip(samples + hiss, -1.0, 1.0), np.float32)
