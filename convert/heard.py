"""What the fold models make of sounds that nobody speaks in, of voices with such sounds behind them, and of voices that
come as they come to a device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from convert.augment_sounds import looped, with_hiss, with_noise
from convert.datasets.noise import noise_files
from convert.datasets.sound import read_sound
from convert.datasets.speech import Clip
from convert.evaluate import outputs
from convert.metrics import calibration_error
from convert.run import read_run
from convert.voices import centred
from edge.config import FusionConfig, SpeechConfig
from edge.fuse import EmotionFuser
from edge.perceive.features import frame_values, normalise_frames
from edge.perceive.inputs import SpeechInput
from edge.perceive.runtime import Model
from edge.perceive.speech import SpeechPerception
from edge.perceive.vad import ACTIVITIES, CHUNK_SAMPLES
from edge.records import EMOTIONS, AudioChunk, EmotionEvent, SpeechObservation

#: How the device tells voices from noise unless it is told otherwise.
VOICE_ACTIVITY = SpeechConfig().voice_activity

_SEED = 7
_QUIET_DBFS = -70.0
_HOP_S = 0.5  # between windows of noise that the model judges outright
_CHUNK_NS = 32_000_000
_SILENCE_S = 1.0  # before and behind a sentence
_APART_NS = 60_000_000_000  # between sentences: the listening begins anew, as after a gap
_TOLD = ("emotion.start", "emotion.change")


@dataclass(frozen=True, slots=True, eq=False)
class Sentences:
    """What a device made of N sentences.

    `probabilities` float32 [N, 7] are the mean of a sentence's observations by their quality, zeros where there was
    none; `observations` int64 [N] is their number; `told` int64 [N] the last emotion that an event told, an index of
    EMOTIONS, or -1.
    """

    probabilities: NDArray[np.float32]
    observations: NDArray[np.int64]
    told: NDArray[np.int64]


def held_out_noise(folder: Path, data: Path) -> list[NDArray[np.float32]]:
    """The sounds in ``noise`` of `data` that the run in `folder` holds out, float32 [N] each."""
    names = read_run(folder).about.get("held_out_noise", [])
    return [read_sound(path) for path in noise_files(data) if path.name in names]


def noise_windows(noises: Sequence[NDArray[np.float32]], spec: SpeechInput) -> NDArray[np.float32]:
    """Inputs float32 [N, *shape] of every half second of `noises`, which follow one another."""
    if not noises:
        return np.zeros((0, *spec.shape), np.float32)
    sound = np.concatenate(noises)
    values = frame_values(np.resize(sound, max(len(sound), spec.window_samples)), spec)
    step = round(_HOP_S * 1000 / spec.step_ms)
    starts = range(0, len(values) - spec.frames + 1, step)
    return np.stack([normalise_frames(values[start : start + spec.frames], spec) for start in starts])


def noisy_outputs(
    model: Model, clips: Sequence[Clip], noises: Sequence[NDArray[np.float32]], snr_db: float
) -> NDArray[np.float32]:
    """Outputs float32 [N, L] for N `clips`, each with one of `noises`, float32 [M] each, behind it."""
    spec = cast(SpeechInput, model.package.input)
    rng = np.random.default_rng(_SEED)
    tensors = []
    for clip in clips:
        window = centred(read_sound(clip.path), spec)
        noise = looped(noises[int(rng.integers(len(noises)))], len(window), rng)
        window = with_hiss(with_noise(window, noise, snr_db), _QUIET_DBFS, rng)
        tensors.append(normalise_frames(frame_values(window, spec)[: spec.frames], spec))
    return outputs(model, np.stack(tensors))


def false_alarms(model: Model, noises: Sequence[NDArray[np.float32]], voice_activity: str) -> dict[str, Any]:
    """Play `noises` one after the other to the device's own listening and fusing, at default settings.

    Returns:
        Counts: ``seconds``, ``observations`` of speech, ``events`` (emotions that began or changed).
    """
    sound = np.concatenate(noises) if noises else np.zeros(0, np.float32)
    heard = list(_heard(_perception(model, voice_activity), sound, 0))
    told = sum(event.type in _TOLD for _, events in heard for event in events)
    return {
        "seconds": round(len(heard) * 0.032, 1),
        "observations": sum(observation is not None for observation, _ in heard),
        "events": told,
    }


def sentences_heard(model: Model, clips: Sequence[Clip], voice_activity: str) -> Sentences:
    """Play each of `clips`, a quiet second around it, to the device's own listening and fusing, at default settings."""
    perception = _perception(model, voice_activity)
    rng = np.random.default_rng(_SEED)
    silence = np.zeros(int(_SILENCE_S * 16_000), np.float32)
    probabilities = np.zeros((len(clips), len(EMOTIONS)), np.float32)
    observations, told = np.zeros(len(clips), np.int64), np.full(len(clips), -1, np.int64)
    start_ns = 0
    for place, clip in enumerate(clips):
        sound = with_hiss(np.concatenate([silence, read_sound(clip.path), silence]), _QUIET_DBFS, rng)
        weight = 0.0
        for observation, events in _heard(perception, sound, start_ns):
            if observation is not None:
                observations[place] += 1
                probabilities[place] += observation.quality * observation.probabilities
                weight += observation.quality
            for event in events:
                if event.type in _TOLD:
                    told[place] = EMOTIONS.index(event.estimate.emotion)
        probabilities[place] /= max(weight, 1e-9)
        start_ns += len(sound) * 62_500 + _APART_NS
    return Sentences(probabilities, observations, told)


def sentence_figures(each: Sequence[Sentences], labels: Sequence[NDArray[np.int64]]) -> dict[str, Any]:
    """Figures of the sentences of all folds, whose true emotions are `labels`, int64 [N] of each fold.

    A sentence without an observation counts as wrong. ``told``: the share of which an event told an emotion,
    ``told_right``: how many of those told the right one last. ``ece`` is of what was observed.
    """
    recalls = []
    for heard, truth in zip(each, labels, strict=True):
        right = _right(heard, truth)
        recalls.append(float(np.mean([right[truth == label].mean() for label in np.unique(truth)])))
    truth = np.concatenate(labels)
    right = np.concatenate([_right(*pair) for pair in zip(each, labels, strict=True)])
    observed = np.concatenate([heard.observations for heard in each]) > 0
    told = np.concatenate([heard.told for heard in each])
    sure = np.concatenate([heard.probabilities.max(axis=1) for heard in each])
    return {
        "count": len(truth),
        "never_observed": int((~observed).sum()),
        "accuracy": round(float(right.mean()), 4),
        "uar_mean": round(float(np.mean(recalls)), 4),
        "uar_std": round(float(np.std(recalls)), 4),
        "uar_folds": [round(value, 4) for value in recalls],
        "ece": round(calibration_error(sure[observed], right[observed]), 4) if observed.any() else None,
        "told": round(float((told >= 0).mean()), 4),
        "told_right": round(float((told == truth)[told >= 0].mean()), 4) if (told >= 0).any() else None,
    }


def _right(heard: Sentences, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray((heard.observations > 0) & (heard.probabilities.argmax(axis=1) == truth))


def _perception(model: Model, voice_activity: str) -> SpeechPerception:
    config = SpeechConfig()
    return SpeechPerception(config, ACTIVITIES[voice_activity](config.quiet_dbfs), model)


def _heard(
    perception: SpeechPerception, sound: NDArray[np.float32], start_ns: int
) -> Iterator[tuple[SpeechObservation | None, list[EmotionEvent]]]:
    """What comes of each whole chunk of `sound`, float32 [N]; the subject is somebody new."""
    fuser = EmotionFuser(FusionConfig())
    chunks = sound[: len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
    for number, samples in enumerate(chunks):
        chunk = AudioChunk(samples, 16_000, start_ns + number * _CHUNK_NS)
        observation = perception.observe(chunk)
        events = fuser.observe(observation) if observation is not None else []
        yield observation, events + fuser.advance(chunk.end_ns)
