"""Soft labels for training faces: what annotators and teachers together say that the label would be.

A multinomial regression from the FER+ votes and the teachers' log-probabilities to the data set's own labels
(generalized distillation, Lopez-Paz et al. 2016, with the votes as privileged information). It gives probabilities in
the data set's own sense of the labels: FER+ annotators say neutral far more often than FER2013's labels do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from convert.contract import prepared
from convert.datasets.faces import Faces
from convert.float_model import load_keras
from convert.keras_start import start_keras
from convert.run import read_run
from edge.errors import ConfigError
from edge.perceive.inputs import FaceInput
from edge.perceive.package import load_package
from edge.perceive.runtime import Model, softmax

_FLOOR = 1e-4  # below it a teacher's logarithm says nothing
_BATCH = 256

Teacher = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def soft_targets(faces: Faces, teachers: Sequence[Path], classes: int, log: Path) -> NDArray[np.float32] | None:
    """float32 [N, classes]: probabilities of the label of each of `faces`; None without votes and teachers.

    A teacher that was trained on these very faces knows some labels by heart, and the regression trusts it more than
    it deserves: take teachers from folds where that matters.

    Args:
        teachers: folders of packages or runs; their answers to a face and to its mirror image are averaged.

    Raises:
        ConfigError, ModelError: a teacher cannot be used.
    """
    known = [np.log(teacher_probabilities(path, faces, log) + _FLOOR) for path in teachers]
    if faces.votes.any():
        known += [faces.votes, np.log(faces.votes + 0.05), faces.votes.sum(axis=1, keepdims=True)]
    if not known:
        return None
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise ConfigError(f"soft targets need scikit-learn: {error}. Install 'emotion-edge[convert]'.") from error
    features = StandardScaler().fit_transform(np.concatenate(known, axis=1))
    regression = LogisticRegression(max_iter=400).fit(features, faces.labels)
    soft = np.zeros((len(faces), classes), np.float32)
    soft[:, regression.classes_] = regression.predict_proba(features)
    return soft


def teacher_probabilities(path: Path, faces: Faces, log: Path) -> NDArray[np.float32]:
    """float32 [N, K] of the package or run in `path` for `faces`, averaged with those for their mirror images."""
    spec, predict = _opened(path, log)
    both = [
        np.concatenate([predict(prepared(images[start : start + _BATCH], spec)) for start in _starts(images, path)])
        for images in (faces.images, faces.images[:, :, ::-1])
    ]
    return np.asarray((both[0] + both[1]) / 2, np.float32)


def view_teachers(teachers: Sequence[Path], classes: int, log: Path) -> list[Teacher]:
    """Functions that answer pictures uint8 [N, H, W] or [N, H, W, 3] with probabilities float32 [N, classes].

    Raises:
        ConfigError: there is no teacher, or one has other labels.
    """
    if not teachers:
        raise ConfigError("view_share: expected a --teacher that answers the pictures as augmented, got none.")
    return [_viewer(path, classes, log) for path in teachers]


def _viewer(path: Path, classes: int, log: Path) -> Teacher:
    spec, predict = _opened(path, log)

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        said = np.asarray(predict(prepared(images, spec)), np.float32)
        if said.shape[1] != classes:
            raise ConfigError(f"{path}: expected a teacher of {classes} labels, got {said.shape[1]}.")
        return said

    answer(np.zeros((1, spec.height, spec.width), np.uint8))  # what cannot answer is told before the first epoch
    return answer


def _starts(images: NDArray[np.uint8], path: Path) -> Any:
    return tqdm(range(0, len(images), _BATCH), f"teacher {path.name}", unit="batch", disable=None)


def _opened(path: Path, log: Path) -> tuple[FaceInput, Any]:
    return _package(path) if (path / "model.json").is_file() else _run(path, log)


def _package(path: Path) -> tuple[FaceInput, Any]:
    model = Model(load_package(path, "face"))
    spec = model.package.input
    if not isinstance(spec, FaceInput):
        raise ConfigError(f"{path}: expected a face package.")
    return spec, lambda inputs: model.emotions(np.stack([model.outputs(tensor) for tensor in inputs]))


def _run(path: Path, log: Path) -> tuple[FaceInput, Any]:
    folder = path if path.is_dir() else path.parent
    spec = read_run(folder).input
    if not isinstance(spec, FaceInput):
        raise ConfigError(f"{path}: expected the run of a face model.")
    keras = start_keras(log)
    file = path / "model.keras" if path.is_dir() else path
    on_tensorflow = keras.backend.backend() == "tensorflow"
    model = load_keras(file, log) if on_tensorflow else keras.models.load_model(file, compile=False)
    return spec, lambda inputs: softmax(model.predict(inputs, verbose=0, batch_size=_BATCH), 1.0)
