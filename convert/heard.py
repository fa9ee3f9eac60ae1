"""What the fold models make of sounds that nobody speaks in, and of voices with such sounds behind them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.augment_sounds import looped, with_hiss, with_noise
from convert.datasets.noise import noise_files
from convert.datasets.sound import read_sound
from convert.evaluate import outputs
from convert.folds import held_out_voices
from convert.run import read_run
from convert.voices import centred
from edge.config import FusionConfig, SpeechConfig
from edge.fuse import EmotionFuser
from edge.perceive.features import SpeechInput, frame_values, normalise_frames
from edge.perceive.runtime import Model
from edge.perceive.speech import SpeechPerception
from edge.perceive.vad import ACTIVITIES, CHUNK_SAMPLES
from edge.records import AudioChunk

_SEED = 7
_QUIET_DBFS = -70.0
_HOP_S = 0.5  # between windows of noise that the model judges outright
_CHUNK_NS = 32_000_000


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


def noisy_outputs(model: Model, folder: Path, data: Path, snr_db: float) -> NDArray[np.float32]:
    """Outputs float32 [N, L] for the held-out clips, in the order of `held_out_voices`, in held-out noise."""
    _, spec, voices = held_out_voices(folder, data)
    noises = held_out_noise(folder, data)
    rng = np.random.default_rng(_SEED)
    tensors = []
    for clip in voices.clips:
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
    speech = SpeechConfig()
    perception = SpeechPerception(speech, ACTIVITIES[voice_activity](speech.quiet_dbfs), model)
    fuser = EmotionFuser(FusionConfig())
    sound = np.concatenate(noises) if noises else np.zeros(0, np.float32)
    chunks = sound[: len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
    observations, events = 0, []
    for number, samples in enumerate(chunks):
        chunk = AudioChunk(samples, 16_000, number * _CHUNK_NS)
        observation = perception.observe(chunk)
        if observation is not None:
            observations += 1
            events += fuser.observe(observation)
        events += fuser.advance(chunk.end_ns)
    told = sum(event.type in ("emotion.start", "emotion.change") for event in events)
    return {"seconds": round(len(chunks) * 0.032, 1), "observations": observations, "events": told}
