"""Train the speech model: one for each fold of actors, one without each corpus, and one of all speakers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.architectures.speech_registry import speech_architecture
from convert.datasets.noise import noise_files, noise_groups
from convert.datasets.sound import read_sound
from convert.datasets.speech import FOLDS, check_no_leak, load_corpora
from convert.fit import Batch, Recipe, fit
from convert.run import Run, read_run
from convert.speech_teachers import SpeechTeachers
from convert.trained_on import write_trained_on
from convert.voices import Voices, load_voices, noise_takes
from edge.errors import ConfigError
from edge.perceive.features import normalise_frames
from edge.perceive.inputs import SpeechInput
from edge.perceive.labels import NO_SPEECH
from edge.records import EMOTIONS

log = logging.getLogger(__name__)

#: 32 ms frames, every 16 ms: two to a chunk of sound, and an FFT of just that length. Above 7 kHz is little voice and
#: much of a codec. Mean and std are those of the training takes, filled in for each run.
SPEECH_INPUT = SpeechInput(
    sample_rate_hz=16_000,
    window_ms=3000,
    frame_ms=32,
    step_ms=16,
    mel_filters=40,
    coefficients=32,
    low_hz=50,
    high_hz=7000,
    mean_removed=True,
    mean=(0.0,) * 34,
    std=(1.0,) * 34,
    pitch=True,
)
#: What the network says; ``calm`` counts as neutral, and helps to tell neutral from sad.
LABELS = (*EMOTIONS, "calm", NO_SPEECH)
RECIPE = Recipe(
    epochs=20,
    batch=64,
    learning_rate=3e-3,
    weight_decay=0.02,
    warmup_epochs=2,
    label_smoothing=0.1,
    ema=0.995,
    seed=2018,
)
_SOLVED_STEPS = 200  # of which a solved architecture sees all windows at once
_STEPS = 100  # at most; an epoch is a number of draws, since clips are drawn by weight and not one after the other
# How often an emotion of a corpus is drawn. TESS adds words, not voices: it has two speakers.
_SHARES = {"ravdess": 0.65, "crema": 0.5, "savee": 0.15, "tess": 0.2, "emodb": 0.15}
_CALM_SHARE = 0.7  # of both kinds of RAVDESS' neutral, which would count double
_NO_SPEECH_SHARE = 0.08
_TIME_MASK = 20  # frames, twice; SpecAugment (Park et al. 2019)
_COEFFICIENT_MASK = 4
_MIXUP = 0.3  # Beta distribution's parameter (Zhang et al. 2018)


@dataclass(frozen=True, slots=True)
class Features:
    """What the input holds beside the MFCC."""

    pitch: bool = True
    energy: bool = False
    deltas: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Sounds:
    """All that is trained on: voices, and takes of noise float16 [noises, takes, T, V] with names and fold numbers."""

    voices: Voices
    noise_takes: NDArray[np.float16]
    noise_names: tuple[str, ...]
    noise_groups: NDArray[np.int64]

    def noise_without(self, fold: int | None) -> NDArray[np.int64]:
        """Indices of the noises that the fold, counted from 0, does not hold out."""
        return np.flatnonzero(self.noise_groups != (-1 if fold is None else fold))


def train_speech(
    data: Path,
    out: Path,
    recipe: Recipe = RECIPE,
    folds: bool = False,
    resume: bool = False,
    architecture: str = "separable",
    features: Features = Features(),
    corpora: bool = False,
    whole: bool = True,
    teachers: Sequence[Path] = (),
    kept: Path | None = None,
) -> None:
    """Train the model of all speakers into `out`.

    No epoch and no parameter is chosen on held-out actors: a run's last averaged weights are its model.

    Args:
        folds: first train a model for each fold of RAVDESS actors into ``out/fold-N``. A sixth of the noise is held
            out with each.
        corpora: then one without each corpus into ``out/without-CORPUS``.
        whole: False for those alone, which are there for their figures.
        teachers: runs of speech to learn from, trained with the same splits and features: fold 1 learns of their fold
            1, so that nothing of who is held out comes by them.
        kept: the file that keeps the features, for other runs with the same; None: ``features.npz`` in `out`.

    Raises:
        ConfigError: no corpus is there, `folds` is asked for without RAVDESS, a split leaks, nothing is asked for, or
            a teacher has no model for a split.
    """
    if not (whole or folds or corpora):
        raise ConfigError("expected --folds or --corpora with --held-out-only, got neither: nothing is left to train.")
    chosen = speech_architecture(architecture)
    spec = replace(SPEECH_INPUT, **asdict(features), log_mel=chosen.log_mel)
    if chosen.log_mel:
        spec = replace(spec, coefficients=spec.mel_filters)
    clips = load_corpora(data)
    speakers = {clip.speaker for clip in clips}
    splits: dict[str, tuple[tuple[str, ...], int | None]] = {}
    if folds:
        splits = {
            f"fold-{number}": (actors, number - 1)
            for number, actors in enumerate(FOLDS, 1)
            if speakers.intersection(actors)
        }
        if not splits:
            raise ConfigError(f"{data}: expected RAVDESS in the folder ravdess, since --folds are folds of its actors.")
    if corpora:
        names = sorted({clip.corpus for clip in clips})
        if len(names) < 2:
            raise ConfigError(f"{data}: expected two or more corpora to leave one out, found {', '.join(names)} only.")
        for name in names:
            left_out = tuple(sorted({clip.speaker for clip in clips if clip.corpus == name}))
            splits[f"without-{name}"] = (left_out, None)
    files = noise_files(data)
    noises = [read_sound(path) for path in files]
    voices = load_voices(clips, spec, recipe.seed, noises, kept or out / "features.npz")
    sounds = Sounds(
        voices,
        noise_takes(noises, spec, recipe.seed),
        tuple(path.name for path in files),
        np.array(noise_groups(files), np.int64),
    )
    for held_out, _ in splits.values():  # all of them before hours of training
        check_no_leak(*voices.parted(held_out))
    for name, (held_out, fold) in splits.items():
        log.info("%s: held out %s", name, ", ".join(held_out))
        _train(sounds, spec, held_out, fold, out / name, recipe, resume, architecture, [run / name for run in teachers])
    if whole:
        _train(sounds, spec, (), None, out, recipe, resume, architecture, teachers)


def _train(
    sounds: Sounds,
    spec: SpeechInput,
    held_out: tuple[str, ...],
    fold: int | None,
    folder: Path,
    recipe: Recipe,
    resume: bool,
    architecture: str,
    teachers: Sequence[Path],
) -> None:
    voices, heard = sounds.voices, sounds.noise_without(fold)
    tested = voices.spoken_by(held_out)
    trained, _ = voices.parted(held_out)
    takes = np.flatnonzero(~tested[voices.take_clip] & np.isin(voices.take_noise, (-1, *heard)))
    spec = with_statistics(spec, voices.takes[takes])
    about = {
        "architecture": architecture,
        "data": [*sorted({clip.corpus for clip, _ in trained}), *(["noise"] if len(heard) else [])],
        "recipe": asdict(recipe),
        "held_out": list(held_out),
        "held_out_noise": [name for index, name in enumerate(sounds.noise_names) if index not in heard],
        "clips": int((~tested).sum()),
    }
    if teachers:
        about["teachers"] = [read_run(folder).about["architecture"] for folder in teachers]
    labels = LABELS if len(heard) else LABELS[:-1]
    run = Run("speech", spec, labels, about)
    taught = SpeechTeachers(teachers, run) if teachers else None
    batches = batches_of(sounds, spec, takes, heard, recipe, labels, taught)
    chosen = speech_architecture(architecture)
    steps = max(1, min(_STEPS, len(takes) // recipe.batch))
    if chosen.solve is not None:
        tensors, targets = zip(*batches(0, _SOLVED_STEPS), strict=True)
        said = np.concatenate(targets).argmax(axis=1)
        run.write(folder)
        chosen.solve(np.concatenate(tensors), said, len(labels), recipe.seed).save(folder / "model.keras")
    else:
        assert chosen.build is not None  # noqa: S101 - an architecture is built or solved
        network = chosen.build(spec.shape, len(labels))
        fit(network, lambda epoch: batches(epoch, steps), steps, recipe, run, folder, resume=resume)
    write_trained_on(folder, trained)


def batches_of(
    sounds: Sounds,
    spec: SpeechInput,
    takes: NDArray[np.int64],
    heard: NDArray[np.int64],
    recipe: Recipe,
    labels: tuple[str, ...],
    teachers: SpeechTeachers | None = None,
) -> Any:
    """A function of epoch and steps that gives that epoch's batches, from `takes` of voices and `heard` noises."""
    voices = sounds.voices
    chances = draw_chances(voices, takes)
    words = [labels.index("calm" if clip.calm else clip.emotion) for clip in voices.clips]
    wanted = np.eye(len(labels), dtype=np.float32)[words]
    silent = round(recipe.batch * _NO_SPEECH_SHARE) if NO_SPEECH in labels else 0

    def batches(epoch: int, steps: int) -> Iterator[Batch]:
        rng = np.random.default_rng((recipe.seed, epoch))
        for _ in range(steps):
            chosen = rng.choice(takes, recipe.batch - silent, p=chances)
            noisy = rng.choice(heard, silent) if silent else heard[:0]
            drawn = [voices.takes[take] for take in chosen]
            drawn += [sounds.noise_takes[noise, rng.integers(sounds.noise_takes.shape[1])] for noise in noisy]
            tensors = np.stack([_augmented(take, spec, rng) for take in drawn])
            targets = np.concatenate([wanted[voices.take_clip[chosen]], np.repeat(_one(labels), silent, axis=0)])
            tensors, targets = _mixed(tensors, targets, rng)
            yield tensors, teachers.targets(tensors, targets) if teachers else targets

    return batches


def _one(labels: tuple[str, ...]) -> NDArray[np.float32]:
    """The target of the last label, float32 [1, labels]."""
    return np.eye(len(labels), dtype=np.float32)[-1:]


def with_statistics(spec: SpeechInput, takes: NDArray[np.float16]) -> SpeechInput:
    """`spec` with mean and std of every channel over float16 [N, T, V] (a regular sample of it, of 2000)."""
    sample = takes[:: max(1, len(takes) // 2000)].astype(np.float32)
    plain = replace(spec, mean=(0.0,) * spec.channels, std=(1.0,) * spec.channels)
    frames = np.concatenate([normalise_frames(take, plain) for take in sample])
    mean = tuple(round(float(value), 4) for value in frames.mean(axis=0))
    return replace(spec, mean=mean, std=tuple(max(1e-3, round(float(value), 4)) for value in frames.std(axis=0)))


def draw_chances(voices: Voices, takes: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64 [len(takes)], sum 1: each emotion of a corpus weighs as the corpus does, whatever its number of clips."""
    clips = [voices.clips[clip] for clip in voices.take_clip[takes]]
    groups = [(clip.corpus, clip.emotion, clip.calm) for clip in clips]
    counts: dict[tuple[str, str, bool], int] = {}
    for group in groups:
        counts[group] = counts.get(group, 0) + 1
    shares = {
        group: _SHARES[group[0]] * (_CALM_SHARE if group[:2] == ("ravdess", "neutral") else 1) for group in counts
    }
    weights = np.array([shares[group] / counts[group] for group in groups])
    return np.asarray(weights / weights.sum())


def _augmented(take: NDArray[np.float16], spec: SpeechInput, rng: np.random.Generator) -> NDArray[np.float32]:
    """A window somewhere in `take`, normalised as on the device, with some frames and coefficients hidden."""
    start = rng.integers(len(take) - spec.frames + 1)
    window = normalise_frames(take[start : start + spec.frames].astype(np.float32), spec)
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
