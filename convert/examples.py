"""Labelled examples for quantization: what to calibrate on, named, and what to judge on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.contract import prepared
from convert.datasets import fer2013
from convert.datasets.faces import LABELS, FaceData, Faces
from convert.datasets.layout import load_faces
from convert.datasets.noise import noise_files
from convert.datasets.sound import read_sound
from convert.datasets.speech import load_corpora
from convert.representative import COUNT, SEED, balanced
from convert.run import Run
from convert.voices import load_voices, noise_takes
from edge.errors import ConfigError
from edge.perceive.features import normalise_frames
from edge.perceive.inputs import FaceInput, SpeechInput
from edge.perceive.labels import NO_SPEECH
from edge.records import EMOTIONS

_NOISES = 30  # at most twice as many, evenly from all


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Inputs float32 [N, *shape] for a model, each by a name that finds it again."""

    tensors: NDArray[np.float32]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Inputs float32 [N, *shape] and labels int64 [N] (indices of EMOTIONS) of one data set, by its name."""

    name: str
    tensors: NDArray[np.float32]
    labels: NDArray[np.int64]


def read_faces(data: Path, shape: tuple[int, ...], labels: str = "fer", classes: int = len(EMOTIONS)) -> FaceData:
    """The face data set in `data`, the first `classes` of LABELS only, at the size of a model's input.

    Args:
        labels: those that the model has learned, as of `load_faces`; another data set than FER2013 has but its own.
        classes: 8 for contempt too.

    Raises:
        ConfigError: none is there.
    """
    there = labels if fer2013.is_here(data) else "fer"
    return load_faces(data, max(shape[:2]), shape[2], there).with_classes(classes)


def calibration_sample(run: Run, data: Path, count: int = COUNT, faces: FaceData | None = None) -> Sample:
    """A balanced, seeded sample of at most `count` training examples; held-out speakers are left out.

    A model that knows the class of no speech sees some noises besides.

    Raises:
        ConfigError: the data set is not there.
    """
    if isinstance(run.input, FaceInput):
        faces = faces or read_faces(data, run.input.shape)
        chosen = balanced(faces.train.labels.tolist(), count)
        images = [faces.train.images[index] for index in chosen]
        names = [
            f"{faces.source} train {index} {EMOTIONS[faces.train.labels[index]]} sha1 {_sha1(image)}"
            for index, image in zip(chosen, images, strict=True)
        ]
        return Sample(prepared(images, run.input), tuple(names))
    if not isinstance(run.input, SpeechInput):
        raise ConfigError("expected a run of a face or a speech model, got one of a fusion.")
    held_out = run.about.get("held_out", [])
    clips = [clip for clip in load_corpora(data) if clip.speaker not in held_out]
    chosen = balanced([(clip.corpus, clip.emotion) for clip in clips], count)
    voices = load_voices([clips[index] for index in chosen], run.input, SEED)
    names = [f"{clip.corpus} {clip.path.name}" for clip in voices.clips]
    windows = [*voices.windows]
    if NO_SPEECH in run.labels:
        files = [path for path in noise_files(data) if path.name not in run.about.get("held_out_noise", [])]
        files = files[:: max(1, len(files) // _NOISES)]
        takes = noise_takes([read_sound(path) for path in files], run.input, SEED)[:, 0]
        windows += [take[: run.input.frames].astype(np.float32) for take in takes]
        names += [f"noise {path.name}" for path in files]
    return Sample(np.stack([normalise_frames(window, run.input) for window in windows]), tuple(names))


def judged_faces(run: Run, faces: FaceData) -> list[Judged]:
    """All test splits of `faces`, the one to choose on first."""
    spec = run.input
    if not isinstance(spec, FaceInput):
        raise ConfigError("expected a face model, got a speech model.")
    order = [faces.chosen_on, *(name for name in faces.splits if name != faces.chosen_on)]
    return [Judged(name, prepared(list(faces.splits[name].images), spec), faces.splits[name].labels) for name in order]


def judged_contempt(run: Run, data: Path) -> list[Judged]:
    """The faces of contempt, LABELS' last, in those test splits that have some; none for a model without that label."""
    if LABELS[-1] not in run.labels:
        return []
    learned = run.about.get("recipe", {}).get("labels", "fer")
    judged = judged_faces(run, read_faces(data, run.input.shape, learned, len(LABELS)))
    chosen = [(split, split.labels == len(EMOTIONS)) for split in judged]
    return [Judged(split.name, split.tensors[kept], split.labels[kept]) for split, kept in chosen if kept.any()]


def judged_speech(run: Run, data: Path) -> list[Judged]:
    """All corpora in `data` together."""
    if not isinstance(run.input, SpeechInput):
        raise ConfigError("expected a speech model, got a face model.")
    voices = load_voices(load_corpora(data), run.input, SEED)
    names = ", ".join(sorted({clip.corpus for clip in voices.clips}))
    tensors = np.stack([normalise_frames(window, run.input) for window in voices.windows])
    return [Judged(f"{names} (voices that the model may know)", tensors, voices.labels)]


def few(faces: Faces, count: int) -> Faces:
    """At most `count` of `faces`, balanced and seeded."""
    return faces.only(balanced(faces.labels.tolist(), count))


def _sha1(image: NDArray[np.uint8]) -> str:
    return hashlib.sha1(image.tobytes(), usedforsecurity=False).hexdigest()[:12]
