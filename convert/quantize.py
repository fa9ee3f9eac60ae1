"""From a trained run to a model package: int8, calibrated, measured before and after."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from convert.architectures.count import multiply_adds
from convert.calibrate import fit_temperature
from convert.evaluate import face_splits, face_tensors, outputs
from convert.folds import common_temperature, fold_figures, fold_folders, held_out_outputs
from convert.int8 import convert_int8, load_keras
from convert.metrics import figures
from convert.package import write_package
from convert.representative import representative_tensors
from convert.run import Task, read_run
from edge.errors import ConfigError
from edge.perceive.package import load_package
from edge.perceive.runtime import Model, softmax
from edge.records import EMOTIONS

_Measured = tuple[float, dict[str, Any]]


def quantize(source: Path, task: Task, data: Path, out: Path) -> None:
    """Make the package `out` of a run's folder, or of a .keras file with a run.json beside it.

    The temperature is fitted on what the weights were not trained on: PublicTest for faces, the fold models' held-out
    actors for speech. The same run and data give the same bytes.

    Args:
        data: the training data, for the representative sample, the temperature and the figures.

    Raises:
        ConfigError: the run, the data or the model cannot be used.
    """
    path = source / "model.keras" if source.is_dir() else source
    run = read_run(path.parent)
    if run.task != task:
        raise ConfigError(f"{path.parent / 'run.json'}: expected a run of the task {task!r}, got {run.task!r}.")
    if run.labels[: len(EMOTIONS)] != EMOTIONS:
        raise ConfigError(
            f"{path.parent / 'run.json'}: expected the labels {', '.join(EMOTIONS)} first, in this order."
        )
    log = path.with_name("quantize.log")
    keras_model = load_keras(path, log)
    expected = ((None, *run.input.shape), (None, len(run.labels)))
    got = (tuple(keras_model.input_shape), tuple(keras_model.output_shape))
    if got != expected:
        raise ConfigError(f"{path}: expected the shapes {expected} that run.json declares, got {got}.")
    tflite = convert_int8(keras_model, representative_tensors(run, data), log)
    measure: Callable[[Model, Any, Path, Path], _Measured] = _measure_face if task == "face" else _measure_speech
    with tempfile.TemporaryDirectory() as draft:
        write_package(Path(draft), run, tflite)
        temperature, metrics = measure(Model(load_package(Path(draft), task)), keras_model, path.parent, data)
    facts = {
        "parameters": int(keras_model.count_params()),
        "macs": multiply_adds(keras_model),
        "converter": {name: version(name) for name in ("keras", "tensorflow", "ai-edge-litert")},
    }
    write_package(out, run, tflite, temperature, metrics, facts)


def _measure_face(model: Model, keras_model: Any, run: Path, data: Path) -> _Measured:
    chosen_on, splits = face_splits(data, model.package.input)
    by_int8, by_float = {}, {}
    for name, faces in splits.items():
        tensors = face_tensors(model.package.input, faces)
        by_int8[name] = outputs(model, tensors)
        by_float[name] = np.asarray(keras_model.predict(tensors, verbose=0), np.float32)
    temperature = fit_temperature(by_int8[chosen_on], splits[chosen_on].labels)
    return temperature, {
        name: {
            kind: figures(_emotions(softmax(found[name], temperature), model), faces.labels)
            for kind, found in (("float", by_float), ("int8", by_int8))
        }
        for name, faces in splits.items()
    }


def _emotions(probabilities: Any, model: Model) -> Any:
    """Without contempt, which only some models know."""
    among = probabilities @ model.package.to_emotions()
    return among / among.sum(axis=1, keepdims=True)


def _measure_speech(model: Model, keras_model: Any, run: Path, data: Path) -> _Measured:
    if not fold_folders(run):
        raise ConfigError(
            f"{run}: expected the fold models fold-1, fold-2, ... beside it: the temperature and the figures of a "
            "speech model come from voices that it has never heard. Make them with 'emotion-convert train speech "
            "--folds'."
        )
    judged = held_out_outputs(run, data)
    return common_temperature(judged), {"RAVDESS, six folds of unheard actors": fold_figures(judged)}
