"""Balanced, seeded samples of training data, on which the ranges of int8 activations are measured."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.datasets.layout import load_faces
from convert.datasets.noise import noise_files
from convert.datasets.sound import read_sound
from convert.datasets.speech import load_corpora
from convert.run import Run
from convert.voices import load_voices, noise_takes
from edge.perceive.features import FaceInput, face_tensor, normalise_frames
from edge.perceive.package import NO_SPEECH

_COUNT = 350
_NOISES = 30
_SEED = 7


def representative_tensors(run: Run, data: Path) -> NDArray[np.float32]:
    """Inputs float32 [N, *shape] for the model of `run`, from training data in `data`.

    Speakers that the run holds out are left out here too.

    Raises:
        ConfigError: the data set is not there.
    """
    if isinstance(run.input, FaceInput):
        faces = load_faces(data, run.input.height, run.input.channels).train
        chosen = balanced(faces.labels.tolist())
        return np.stack([face_tensor(image, run.input) for image in faces.images[chosen]])
    held_out = run.about.get("held_out", [])
    clips = [clip for clip in load_corpora(data) if clip.speaker not in held_out]
    chosen = balanced([(clip.corpus, clip.emotion) for clip in clips])
    voices = load_voices([clips[index] for index in chosen], run.input, _SEED)
    windows = [*voices.windows]
    if NO_SPEECH in run.labels:
        files = [path for path in noise_files(data) if path.name not in run.about.get("held_out_noise", [])]
        noises = [read_sound(path) for path in files[:: max(1, len(files) // _NOISES)]]
        takes = noise_takes(noises, run.input, _SEED)[:, 0, : run.input.frames]
        windows += [take.astype(np.float32) for take in takes]
    return np.stack([normalise_frames(window, run.input) for window in windows])


def balanced(groups: Sequence[Hashable]) -> NDArray[np.int64]:
    """Indices of at most `_COUNT` items, as evenly from all `groups` as they allow, in ascending order."""
    rng = np.random.default_rng(_SEED)
    order = rng.permutation(len(groups))
    taken: dict[Hashable, int] = {}
    ranked = []
    for index in order:
        taken[groups[index]] = taken.get(groups[index], 0) + 1
        ranked.append((taken[groups[index]], int(index)))
    return np.array(sorted(index for _, index in sorted(ranked)[:_COUNT]), np.int64)
