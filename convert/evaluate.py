"""Measure a model package, by the runtime that the device uses, on data that says what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets.faces import Faces
from convert.datasets.layout import load_faces
from convert.datasets.speech import load_corpora
from convert.metrics import figures
from convert.voices import load_voices
from edge.errors import ConfigError
from edge.perceive.features import FaceInput, SpeechInput, face_tensor, normalise_frames
from edge.perceive.package import Input, load_package
from edge.perceive.runtime import Model
from edge.records import EMOTIONS

_SEED = 7  # of the hiss behind the test windows


def outputs(model: Model, tensors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The package's own outputs float32 [N, labels] for inputs float32 [N, *shape], one call for each."""
    return np.stack([model.outputs(tensor) for tensor in tensors])


def face_splits(data: Path, spec: Input) -> tuple[str, dict[str, Faces]]:
    """The name of the split that a model is chosen on, and all test splits in `data` by name."""
    if not isinstance(spec, FaceInput):
        raise ConfigError("expected a face model, got a speech model.")
    found = load_faces(data, spec.height, spec.channels).with_classes(len(EMOTIONS))
    return found.chosen_on, found.splits


def evaluate_face(folder: Path, data: Path) -> dict[str, Any]:
    """Figures of a face package on the test splits of FER2013, by the split's name.

    Raises:
        ModelError, ConfigError: the package or the data cannot be used.
    """
    model = Model(load_package(folder, "face"))
    _, splits = face_splits(data, model.package.input)
    return {name: face_figures(model, faces) for name, faces in splits.items()}


def face_figures(model: Model, faces: Faces) -> dict[str, Any]:
    """Figures of `model` on `faces`."""
    return figures(model.emotions(outputs(model, face_tensors(model.package.input, faces))), faces.labels)


def face_tensors(spec: Input, faces: Faces) -> NDArray[np.float32]:
    """Inputs float32 [N, H, W, C] for a face model; the data set's images are crops already."""
    if not isinstance(spec, FaceInput):
        raise ConfigError("expected a face model, got one of another task.")
    return np.stack([face_tensor(image, spec) for image in faces.images])


def evaluate_speech(folder: Path, data: Path) -> dict[str, Any]:
    """Figures of a speech package on each corpus in `data`, by the corpus' name.

    `in_training` says whether the package was trained on that corpus: then the figure is of voices that the model
    knows, and the folds' figures are the ones to quote.

    Raises:
        ModelError, ConfigError: the package or the data cannot be used.
    """
    model = Model(load_package(folder, "speech"))
    spec = model.package.input
    if not isinstance(spec, SpeechInput):
        raise ConfigError(f"{folder}: expected a speech model.")
    clips = load_corpora(data)
    result = {}
    for corpus in sorted({clip.corpus for clip in clips}):
        voices = load_voices([clip for clip in clips if clip.corpus == corpus], spec, _SEED)
        tensors = np.stack([normalise_frames(window, spec) for window in voices.windows])
        result[corpus] = {
            **figures(model.emotions(outputs(model, tensors)), voices.labels),
            "in_training": corpus in model.package.description["training_data"],
        }
    return result
