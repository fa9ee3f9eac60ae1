"""Speech clips as features: one deterministic window for tests, several augmented takes for training."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.augment_sounds import as_recorded, noise_alone, with_background, with_hiss, with_other_speed, with_room
from convert.datasets.sound import RATE_HZ, digest, read_sound
from convert.datasets.speech import Clip
from edge.perceive.features import frame_values
from edge.perceive.inputs import SpeechInput
from edge.records import EMOTIONS

log = logging.getLogger(__name__)

# A take is longer than a window, so that training can place the window anywhere up to half a second off.
_TAKE_MS = 4000
# TESS has two speakers with 1,400 clips each: it needs no more variety from takes.
_TAKES = {"ravdess": 10, "crema": 4, "savee": 10, "emodb": 8, "tess": 3}
_NOISE_TAKES = 8
_QUIET_DBFS = -70.0  # the hiss of the microphone in tests
# Below the loudest by this much is no longer the sentence, but breath and room.
_UTTERANCE_DB = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """Clips with their features, as `frame_values` gives them, before normalisation.

    `windows` float32 [clips, frames, V]; `takes` float16 [takes, frames of a take, V]; `take_clip` int64 [takes] is the
    clip of each take, `take_noise` int64 [takes] the noise behind it, or -1; `digests` tells identical sounds; `copies`
    are the clips that were left out for the same sound as one before them.
    """

    clips: tuple[Clip, ...]
    digests: tuple[str, ...]
    windows: NDArray[np.float32]
    takes: NDArray[np.float16]
    take_clip: NDArray[np.int64]
    take_noise: NDArray[np.int64]
    copies: tuple[tuple[Clip, str], ...] = ()

    @property
    def marked(self) -> tuple[tuple[Clip, str], ...]:
        """Every clip, copies too, with the digest of its samples."""
        return (*zip(self.clips, self.digests, strict=True), *self.copies)

    def parted(self, speakers: tuple[str, ...]) -> tuple[list[tuple[Clip, str]], list[tuple[Clip, str]]]:
        """`marked`, those by others than `speakers` and those by them."""
        by_others = [pair for pair in self.marked if pair[0].speaker not in speakers]
        return by_others, [pair for pair in self.marked if pair[0].speaker in speakers]

    @property
    def labels(self) -> NDArray[np.int64]:
        """int64 [clips]: indices of EMOTIONS."""
        return np.array([EMOTIONS.index(clip.emotion) for clip in self.clips], np.int64)

    def spoken_by(self, speakers: tuple[str, ...]) -> NDArray[np.bool_]:
        """bool [clips]: which clips are by one of `speakers`."""
        return np.array([clip.speaker in speakers for clip in self.clips], bool)


def load_voices(
    clips: Iterable[Clip],
    spec: SpeechInput,
    seed: int,
    noises: Sequence[NDArray[np.float32]] | None = None,
    kept: Path | None = None,
) -> Voices:
    """Read `clips` and compute their features: windows, and takes too if `noises` (perhaps none) are given.

    A sound that is there twice (RAVDESS has one) is taken once, digital silence not at all. The same seed gives the
    same features.

    Args:
        noises: sounds float32 [N] without speech, to lie behind some of the takes.
        kept: a file to keep the features in, since they take minutes; it is used again for the same sounds, input
            and seed only.

    Raises:
        ConfigError: a file cannot be read.
    """
    from tqdm import tqdm

    chosen: list[Clip] = []
    copies: list[tuple[Clip, str]] = []
    sounds: dict[str, NDArray[np.float32]] = {}
    for clip in tqdm(list(clips), "reading", unit="clip", mininterval=1, leave=False, disable=None):
        samples = read_sound(clip.path)
        if not samples.any():
            log.warning("%s: holds no sound, and is left out.", clip.path)  # CREMA-D has one: 1076_MTI_SAD_XX.wav
            continue
        mark = digest(samples)
        if mark in sounds:
            copies.append((clip, mark))
        else:
            sounds[mark] = samples
            chosen.append(clip)
    counts = [0 if noises is None else _TAKES[clip.corpus] for clip in chosen]
    key = _key(list(sounds), counts, spec, seed, noises or ())
    if kept is not None and (found := _kept(kept, key)):
        log.info("features taken from %s", kept)
        return Voices(tuple(chosen), tuple(sounds), *found, tuple(copies))
    windows, made, owners, behind = [], [], [], []
    work = zip(sounds.items(), counts, strict=True)
    for index, ((mark, samples), count) in enumerate(
        tqdm(work, "features", unit="clip", total=len(chosen), mininterval=1, leave=False, disable=None)
    ):
        # Random numbers depend on the sound alone: one more corpus changes nothing for the others.
        rng = np.random.default_rng((seed, int(mark[:8], 16)))
        windows.append(frame_values(centred_window(samples, spec, rng), spec))
        for _ in range(count):
            take, noise = _take(samples, noises or (), rng)
            made.append(frame_values(take, spec).astype(np.float16))
            owners.append(index)
            behind.append(noise)
    arrays = (
        np.stack(windows) if windows else np.zeros((0, spec.frames, spec.values), np.float32),
        np.stack(made) if made else np.zeros((0, 0, spec.values), np.float16),
        np.array(owners, np.int64),
        np.array(behind, np.int64),
    )
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        stored: dict[str, Any] = dict(zip(_ARRAYS, arrays, strict=True))
        np.savez(kept, key=np.array(key), **stored)
    return Voices(tuple(chosen), tuple(sounds), *arrays, tuple(copies))


_ARRAYS = ("windows", "takes", "take_clip", "take_noise")


def _kept(
    path: Path, key: str
) -> tuple[NDArray[np.float32], NDArray[np.float16], NDArray[np.int64], NDArray[np.int64]] | None:
    if not path.is_file():
        return None
    with np.load(path) as stored:
        if str(stored["key"]) != key:
            return None
        windows, takes, take_clip, take_noise = (stored[name] for name in _ARRAYS)
    return windows, takes, take_clip, take_noise


def _key(
    marks: Sequence[str], counts: Sequence[int], spec: SpeechInput, seed: int, noises: Sequence[NDArray[np.float32]]
) -> str:
    """What the features hang on: the sounds, their numbers of takes, the input before normalisation, the seed."""
    frames = replace(spec, mean=(), std=(), mean_removed=False, deltas=False)
    heard = [digest(noise) for noise in noises]
    return hashlib.sha256(repr((list(marks), list(counts), frames, seed, heard)).encode()).hexdigest()


def noise_takes(noises: Sequence[NDArray[np.float32]], spec: SpeechInput, seed: int) -> NDArray[np.float16]:
    """Takes of each noise with nobody speaking: float16 [noises, takes, frames of a take, V]."""
    made = []
    for index, noise in enumerate(noises):
        rng = np.random.default_rng((seed, index))
        takes = [frame_values(noise_alone(noise, _take_samples(), rng), spec) for _ in range(_NOISE_TAKES)]
        made.append(np.stack(takes).astype(np.float16))
    return np.stack(made) if made else np.zeros((0, _NOISE_TAKES, 0, spec.values), np.float16)


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
    return with_hiss(centred(samples, spec), _QUIET_DBFS, rng)


def centred(samples: NDArray[np.float32], spec: SpeechInput) -> NDArray[np.float32]:
    """float32 [window_samples]: the device's window with the utterance in its middle, silence around it."""
    return _cut(samples, utterance_centre(samples), spec.window_samples)


def _take(
    samples: NDArray[np.float32], noises: Sequence[NDArray[np.float32]], rng: np.random.Generator
) -> tuple[NDArray[np.float32], int]:
    """A take, float32 [_TAKE_MS]: another speed, room, background and microphone; and the index of its noise."""
    samples = with_other_speed(samples, rng)
    centre = utterance_centre(samples)  # of what is spoken, without its echo
    take, noise = with_background(_cut(with_room(samples, rng), centre, _take_samples()), noises, rng)
    return as_recorded(take, rng), noise


def _take_samples() -> int:
    return RATE_HZ * _TAKE_MS // 1000


def _cut(samples: NDArray[np.float32], centre: int, length: int) -> NDArray[np.float32]:
    """`length` samples around `centre`, silence where there are none."""
    start = centre - length // 2
    cut = np.zeros(length, np.float32)
    first, last = max(start, 0), min(start + length, len(samples))
    if last > first:
        cut[first - start : last - start] = samples[first:last]
    return cut
