"""Measure a model package, by the runtime that the device uses, on data that says what is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.contract import in_labels, prepared
from convert.datasets.faces import LABELS, Faces
from convert.datasets.speech import load_corpora
from convert.examples import read_faces
from convert.metrics import figures
from convert.voices import load_voices
from edge.errors import ConfigError
from edge.perceive.features import normalise_frames
from edge.perceive.inputs import FaceInput, SpeechInput
from edge.perceive.package import Input, load_package
from edge.perceive.runtime import Model
from edge.records import EMOTIONS

_SEED = 7  # of the hiss behind the test windows


def outputs(model: Model, tensors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The package's own outputs float32 [N, labels] for inputs float32 [N, *shape], one call for each."""
    return np.stack([model.outputs(tensor) for tensor in tensors])


def learned_labels(model: Model) -> str:
    """``ferplus`` for a package that learned the majority of the FER+ votes, else ``fer``."""
    return str(model.package.description.get("training", {}).get("recipe", {}).get("labels", "fer"))


def face_splits(data: Path, spec: Input, labels: str = "fer", classes: int = len(EMOTIONS)) -> dict[str, Faces]:
    """All test splits in `data` by name; `labels` and `classes` as of `read_faces`."""
    if not isinstance(spec, FaceInput):
        raise ConfigError("expected a face model, got a speech model.")
    return read_faces(data, spec.shape, labels, classes).splits


def evaluate_face(folder: Path, data: Path) -> dict[str, Any]:
    """Figures of a face package on the test splits of a data set, by the labels that it learned.

    A package that knows contempt has a second entry for each split with such faces, over all eight labels.

    Raises:
        ModelError, ConfigError: the package or the data cannot be used.
    """
    model = Model(load_package(folder, "face"))
    found: dict[str, Any] = {}
    for name, faces in face_splits(data, model.package.input, learned_labels(model), len(LABELS)).items():
        said = outputs(model, face_tensors(model.package.input, faces))
        found |= measured_labels(model, name, said, faces.labels, figures)
    return found


def measured_labels(
    model: Model,
    name: str,
    said: NDArray[np.float32],
    labels: NDArray[np.int64],
    measure: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    """What `measure` (`figures` or `details`) finds of outputs for faces of `labels` int64 [N], indices of LABELS.

    Returns:
        By `name` over the seven EMOTIONS; where there are faces of contempt and the package knows it, also over all
        eight, by a name that says so.
    """
    seven = labels < len(EMOTIONS)
    found = {name: measure(model.emotions(said[seven]), labels[seven])}
    if not seven.all() and LABELS[-1] in model.package.labels:
        probabilities = in_labels(model.own_labels(said), model.package.labels)
        found[f"{name}, eight labels"] = measure(probabilities, labels, LABELS)
    return found


def face_figures(model: Model, faces: Faces) -> dict[str, Any]:
    """Figures of `model` on `faces`."""
    return figures(model.emotions(outputs(model, face_tensors(model.package.input, faces))), faces.labels)


def face_tensors(spec: Input, faces: Faces) -> NDArray[np.float32]:
    """Inputs float32 [N, H, W, C] for a face model; the data set's images are crops already."""
    if not isinstance(spec, FaceInput):
        raise ConfigError("expected a face model, got one of another task.")
    return prepared(faces.images, spec)


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
