"""Synthetic pairs of a face and a voice: no labelled audio-visual data is at hand.

A face of FER2013 and a sentence of RAVDESS with the same label are taken for one person's. Real faces and voices agree
more subtly and err together; figures on these pairs compare ways of fusion, and say little about a kitchen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.perceive.fusion_input import FusionInput, fusion_tensor
from edge.records import EMOTIONS, Sensed

#: [speech] voice_threshold: less probably a voice, and the device says nothing.
VOICE_AT_LEAST = 0.5

#: In training: how often a sense is missing (of each), or the voice is a noise.
MISSING, NOISE = 0.1, 0.3
# How often a noise is one that passed for a voice, or what was said has grown old.
_PASSED = 0.5  # of the noises: those alone that a device takes for a voice, which are few
_STALE = 0.1  # of each sense
_CHANGES_MS = 2000.0  # an emotion outlasts this with 1 / e; assumed, as nothing here could tell
_POOR = 0.1  # of each sense: its quality is low, and so it often speaks of somebody or something else
_FACE_AGE_MS = (0.0, 300.0)
_SPEECH_AGE_MS = (0.0, 1000.0)
_STALE_AGE_MS = (500.0, 4000.0)
_GOOD, _BAD = (0.5, 1.0), (0.05, 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a sense said of many examples: probabilities float32 [N, K]; labels int64 [N]; quality float32 [N]."""

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    quality: NDArray[np.float32]

    def of(self, label: int) -> NDArray[np.int64]:
        """Indices of the examples of an emotion."""
        return np.flatnonzero(self.labels == label)

    def sensed(self, index: int, quality: float, age_ms: float) -> Sensed:
        return Sensed(self.probabilities[index], float(self.quality[index]) * quality, age_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One moment: each sense's last word, or None, and the emotion, an index of EMOTIONS."""

    face: Sensed | None
    speech: Sensed | None
    label: int


def training_pairs(faces: Said, voices: Said, noises: Said, count: int, seed: int) -> list[Pair]:
    """`count` pairs, each emotion as often, with all that happens to senses: missing, noisy, old or poor."""
    rng = np.random.default_rng(seed)
    return [_training_pair(index % len(EMOTIONS), faces, voices, noises, rng) for index in range(count)]


def fresh_pairs(faces: Said, voices: Said, count: int, seed: int) -> list[Pair]:
    """`count` pairs of fresh, good observations, those of `fresh_places`."""
    return [
        Pair(faces.sensed(face, 1.0, 50.0), voices.sensed(voice, 1.0, 300.0), int(faces.labels[face]))
        for face, voice in fresh_places(faces, voices, count, seed)
    ]


def fresh_places(faces: Said, voices: Said, count: int, seed: int) -> NDArray[np.int64]:
    """int64 [count, 2]: places in `faces` and `voices` of examples of one emotion, each emotion as often."""
    rng = np.random.default_rng(seed)
    labels = (index % len(EMOTIONS) for index in range(count))
    return np.array([(rng.choice(faces.of(label)), rng.choice(voices.of(label))) for label in labels], np.int64)


def noise_places(noises: Said, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Twice `count` places in `noises`, int64 [count] each: for voices as they are, and for what a device hears."""
    rng = np.random.default_rng(seed)
    drawn = np.array([rng.integers(len(noises.labels)) for _ in range(2 * count)], np.int64)
    return drawn[:count], drawn[count:]


def with_speech(pairs: list[Pair], replaced: Callable[[int], Sensed | None]) -> list[Pair]:
    """`pairs` with another voice: that which `replaced` gives for a pair's place."""
    return [Pair(pair.face, replaced(place), pair.label) for place, pair in enumerate(pairs)]


def as_tensors(pairs: list[Pair], spec: FusionInput) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Inputs float32 [N, *shape] of the fusion, and labels int64 [N]."""
    tensors = np.stack([fusion_tensor(pair.face, pair.speech, spec) for pair in pairs])
    return tensors, np.array([pair.label for pair in pairs], np.int64)


def _training_pair(label: int, faces: Said, voices: Said, noises: Said, rng: np.random.Generator) -> Pair:
    missing = rng.random()
    face = None if missing < MISSING else _one(faces, label, _FACE_AGE_MS, rng)
    if MISSING <= missing < 2 * MISSING:
        return Pair(face, None, label)
    if rng.random() < NOISE and len(noises.labels):
        passed = np.flatnonzero(noises.quality >= VOICE_AT_LEAST)
        heard = passed if len(passed) and rng.random() < _PASSED else np.arange(len(noises.labels))
        noise = noises.sensed(int(rng.choice(heard)), rng.uniform(*_GOOD), rng.uniform(*_SPEECH_AGE_MS))
        return Pair(face or _one(faces, label, _FACE_AGE_MS, rng), noise, label)
    return Pair(face, _one(voices, label, _SPEECH_AGE_MS, rng), label)


def _one(said: Said, label: int, age_ms: tuple[float, float], rng: np.random.Generator) -> Sensed:
    """What a sense says of somebody who feels `label`, if it looks well and lately, and maybe else if not."""
    age, quality = rng.uniform(*age_ms), rng.uniform(*_GOOD)
    another = 0.0
    kind = rng.random()
    if kind < _STALE:
        age = rng.uniform(*_STALE_AGE_MS)
        another = 1 - np.exp(-age / _CHANGES_MS)
    elif kind < _STALE + _POOR:
        quality = rng.uniform(*_BAD)
        another = 1 - quality
    shown = int(rng.integers(len(EMOTIONS))) if rng.random() < another else label
    return said.sensed(int(rng.choice(said.of(shown))), quality, age)
