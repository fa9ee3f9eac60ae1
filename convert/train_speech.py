"""Train the speech network on RAVDESS, TESS and EMO-DB: one model for each fold of actors, and one of all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.architectures.speech import separable
from convert.datasets.sound import read_sound
from convert.datasets.speech import FOLDS, check_no_leak, load_corpora, sounds
from convert.fit import Batch, Recipe, fit
from convert.run import Run
from convert.voices import Voices, load_voices
from edge.errors import ConfigError
from edge.perceive.features import SpeechInput, normalise_mfcc
from edge.records import EMOTIONS

log = logging.getLogger(__name__)

#: 30 ms frames hold two periods of the lowest voice; above 7 kHz is little voice and much of a codec.
#: Mean and std are those of the training takes, filled in for each run.
SPEECH_INPUT = SpeechInput(
    sample_rate_hz=16_000,
    window_ms=3000,
    frame_ms=30,
    step_ms=10,
    mel_filters=40,
    coefficients=32,
    low_hz=50,
    high_hz=7000,
    mean_removed=True,
    mean=(0.0,) * 32,
    std=(1.0,) * 32,
)
RECIPE = Recipe(
    epochs=40,
    batch=64,
    learning_rate=3e-3,
    weight_decay=0.02,
    warmup_epochs=3,
    label_smoothing=0.1,
    ema=0.995,
    seed=2018,
)
_STEPS = 50  # at most; an epoch is a number of draws, since clips are drawn by weight and not one after the other
# How often an emotion of a corpus is drawn. TESS adds words, not voices: it has two speakers.
_SHARES = {"ravdess": 0.65, "tess": 0.2, "emodb": 0.15}
_TIME_MASK = 30  # frames, twice; SpecAugment (Park et al. 2019)
_COEFFICIENT_MASK = 4
_MIXUP = 0.3  # Beta distribution's parameter (Zhang et al. 2018)


def train_speech(data: Path, out: Path, recipe: Recipe = RECIPE, folds: bool = False, resume: bool = False) -> None:
    """Train the model of all speakers into `out`; with `folds`, first a model for each fold into ``out/fold-N``.

    No epoch and no parameter is chosen on held-out actors: a run's last averaged weights are its model.

    Raises:
        ConfigError: no corpus is there, `folds` is asked for without RAVDESS, or a split leaks.
    """
    noises = [read_sound(path) for path in sounds(data / "noise")]
    voices = load_voices(load_corpora(data), SPEECH_INPUT, recipe.seed, noises)
    if folds:
        present = {number: actors for number, actors in enumerate(FOLDS, 1) if voices.spoken_by(actors).any()}
        if not present:
            raise ConfigError(f"{data}: expected RAVDESS in the folder ravdess, since --folds are folds of its actors.")
        for number, actors in present.items():
            log.info("fold %d: held out %s", number, ", ".join(actors))
            _train(voices, actors, out / f"fold-{number}", recipe, resume)
    _train(voices, (), out, recipe, resume)


def _train(voices: Voices, held_out: tuple[str, ...], folder: Path, recipe: Recipe, resume: bool) -> None:
    tested = voices.spoken_by(held_out)
    marked = list(zip(voices.clips, voices.digests, strict=True))
    check_no_leak(
        [pair for pair, test in zip(marked, tested, strict=True) if not test],
        [pair for pair, test in zip(marked, tested, strict=True) if test],
    )
    takes = np.flatnonzero(~tested[voices.take_clip])
    spec = with_statistics(SPEECH_INPUT, voices.takes[takes])
    about = {
        "architecture": "separable",
        "data": [*sorted({clip.corpus for clip in voices.clips}), "noise"],
        "recipe": asdict(recipe),
        "held_out": list(held_out),
        "clips": int((~tested).sum()),
    }
    run = Run("speech", spec, EMOTIONS, about)
    chances = draw_chances(voices, takes)
    steps = max(1, min(_STEPS, len(takes) // recipe.batch))

    def batches(epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng((recipe.seed, epoch))
        for _ in range(steps):
            chosen = rng.choice(takes, recipe.batch, p=chances)
            tensors = np.stack([_augmented(voices.takes[take], spec, rng) for take in chosen])
            yield _mixed(tensors, np.eye(len(EMOTIONS), dtype=np.float32)[voices.labels[voices.take_clip[chosen]]], rng)

    fit(separable(spec.shape, len(EMOTIONS)), batches, steps, recipe, run, folder, resume=resume)


def with_statistics(spec: SpeechInput, takes: NDArray[np.float16]) -> SpeechInput:
    """`spec` with mean and std of every coefficient over float16 [N, T, C] (a regular sample of it, of 2000)."""
    sample = takes[:: max(1, len(takes) // 2000)].astype(np.float32)
    frames = np.concatenate([normalise_mfcc(take, spec) for take in sample])
    mean = tuple(round(float(value), 4) for value in frames.mean(axis=0))
    return replace(spec, mean=mean, std=tuple(round(float(value), 4) for value in frames.std(axis=0)))


def draw_chances(voices: Voices, takes: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 [len(takes)], sum 1: each emotion of a corpus weighs as the corpus does, whatever its number of clips."""
    groups = [(voices.clips[clip].corpus, voices.clips[clip].emotion) for clip in voices.take_clip[takes]]
    counts = {group: groups.count(group) for group in set(groups)}
    weights = np.array([_SHARES[group[0]] / counts[group] for group in groups])
    return np.asarray(weights / weights.sum())


def _augmented(take: NDArray[np.float16], spec: SpeechInput, rng: np.random.Generator) -> NDArray[np.float32]:
    """A window somewhere in `take`, normalised as on the device, with some frames and coefficients hidden."""
    start = rng.integers(len(take) - spec.frames + 1)
    window = normalise_mfcc(take[start : start + spec.frames].astype(np.float32), spec)
    for _ in range(2):
        length = rng.integers(_TIME_MASK + 1)
        first = rng.integers(spec.frames - length + 1)
        window[first : first + length] = 0
    length = rng.integers(_COEFFICIENT_MASK + 1)
    first = rng.integers(spec.coefficients - length + 1)
    window[:, first : first + length] = 0
    return window


def _mixed(tensors: NDArray[np.float32], targets: NDArray[np.float32], rng: np.random.Generator) -> Batch:
    share = rng.beta(_MIXUP, _MIXUP, len(tensors)).astype(np.float32)
    share = np.maximum(share, 1 - share)
    other = rng.permutation(len(tensors))
    in_tensor, in_target = share[:, None, None], share[:, None]
    return (
        in_tensor * tensors + (1 - in_tensor) * tensors[other],
        in_target * targets + (1 - in_target) * targets[other],
    )
