"""What face and speech models said of people whom they have never met: what a fusion is trained and judged on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from convert.datasets.fer2013 import load
from convert.evaluate import face_tensors, outputs
from convert.folds import calibrated, fold_folders, held_out_outputs
from convert.heard import held_out_noise, noise_windows
from convert.pairs import Said
from edge.errors import ConfigError
from edge.perceive.inputs import SpeechInput
from edge.perceive.package import load_package
from edge.perceive.runtime import Model

#: The file of a fusion's run that keeps it: probabilities, labels and qualities, no picture and no sound.
SENSES_FILE = "senses.npz"
_PARTS = ("probabilities", "labels", "quality")


@dataclass(frozen=True, slots=True, eq=False)
class Senses:
    """What the senses said: faces of both halves of FER2013's test set; voices and noises, a list entry a fold."""

    public: Said
    private: Said
    voices: list[Said]
    noises: list[Said]


def what_senses_said(speech: Path, face: Path, data: Path) -> Senses:
    """Let the face package judge FER2013's test images, and each fold's speech model its actors and noises."""
    if len(fold_folders(speech)) < 2:
        raise ConfigError(f"{speech}: expected two fold models or more. Make them with 'train speech --folds'.")
    model = Model(load_package(face, "face"))
    spec = model.package.input
    halves = [load(data / "fer2013", split) for split in ("public_test", "private_test")]
    public, private = (
        Said(
            model.emotions(outputs(model, face_tensors(spec, faces))),
            faces.labels,
            np.ones(len(faces.labels), np.float32),
        )
        for faces in halves
    )
    judged = held_out_outputs(speech, data)
    voices, noises = [], []
    for number, (fold, folder) in enumerate(zip(judged, fold_folders(speech), strict=True)):
        model = calibrated(judged, number)
        temperature = model.package.temperature
        voices.append(
            Said(fold.emotions(fold.converted, temperature), fold.labels, fold.voice(fold.converted, temperature))
        )
        windows = noise_windows(held_out_noise(folder, data), cast(SpeechInput, model.package.input))
        heard = outputs(model, windows) if len(windows) else np.zeros((0, len(fold.said)), np.float32)
        silent = np.zeros(len(heard), np.int64)
        noises.append(Said(fold.emotions(heard, temperature), silent, fold.voice(heard, temperature)))
    return Senses(public, private, voices, noises)


def joined(parts: list[Said]) -> Said:
    return Said(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.quality for part in parts]),
    )


def write_senses(senses: Senses, folder: Path) -> None:
    """Keep `senses` in `folder`."""
    groups = {"public": [senses.public], "private": [senses.private], "voices": senses.voices, "noises": senses.noises}
    arrays = {
        f"{name}-{number}-{part}": getattr(said, part)
        for name, group in groups.items()
        for number, said in enumerate(group)
        for part in _PARTS
    }
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / SENSES_FILE, allow_pickle=False, **arrays)


def read_senses(folder: Path) -> Senses:
    """What `write_senses` kept in `folder`.

    Raises:
        ConfigError: it is not there, or of another form.
    """
    path = folder / SENSES_FILE
    try:
        with np.load(path, allow_pickle=False) as kept:

            def group(name: str) -> list[Said]:
                count = sum(key.startswith(f"{name}-") for key in kept.files) // len(_PARTS)
                return [Said(*(kept[f"{name}-{number}-{part}"] for part in _PARTS)) for number in range(count)]

            return Senses(group("public")[0], group("private")[0], group("voices"), group("noises"))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ConfigError(
            f"{path}: expected what 'emotion-convert train fusion' writes to its run: {error}. For --task fusion, "
            "--calibration is the folder of such a run."
        ) from error
