"""What the fold models of a speech run say about the actors that they have never heard."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.calibrate import fit_temperature
from convert.datasets.speech import load_corpora
from convert.int8 import convert_int8, load_keras
from convert.metrics import figures, uar
from convert.package import write_package
from convert.representative import representative_tensors
from convert.run import read_run
from convert.voices import load_voices
from edge.errors import ConfigError
from edge.perceive.features import SpeechInput, normalise_mfcc
from edge.perceive.package import load_package
from edge.perceive.runtime import Model, softmax

_SEED = 7  # of the hiss behind the test windows


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Outputs of one fold's model, logits float32 [N, 7], float and int8, and labels int64 [N] of its actors' clips."""

    labels: NDArray[np.int64]
    by_float: NDArray[np.float32]
    by_int8: NDArray[np.float32]


def fold_folders(run: Path) -> list[Path]:
    """The folders of the fold models below the run's folder, in order; none if it was trained without --folds."""
    return sorted(path.parent for path in run.glob("fold-*/run.json"))


def held_out_outputs(run: Path, data: Path) -> list[HeldOut]:
    """Quantize every fold model and let it and its float original judge all clips of the actors that it holds out.

    Raises:
        ConfigError: there are no fold models, or their actors' clips are not in `data`.
    """
    folders = fold_folders(run)
    if not folders:
        raise ConfigError(
            f"{run}: expected the fold models fold-1, fold-2, ..., found none. "
            "Make them with 'emotion-convert train speech --folds'."
        )
    return [_judge(folder, data) for folder in folders]


def _judge(folder: Path, data: Path) -> HeldOut:
    run = read_run(folder)
    clips = [clip for clip in load_corpora(data) if clip.speaker in run.about["held_out"]]
    if not clips or not isinstance(run.input, SpeechInput):
        raise ConfigError(f"{data}: expected clips of {', '.join(run.about['held_out'])}, found none.")
    voices = load_voices(clips, run.input, _SEED)
    tensors = np.stack([normalise_mfcc(window, run.input) for window in voices.windows])
    log = folder / "quantize.log"
    model = load_keras(folder / "model.keras", log)
    tflite = convert_int8(model, representative_tensors(run, data), log)
    with tempfile.TemporaryDirectory() as package:
        write_package(Path(package), run, tflite)
        int8 = Model(load_package(Path(package), "speech"))
        by_int8 = np.stack([int8.outputs(tensor) for tensor in tensors])
    return HeldOut(voices.labels, np.asarray(model.predict(tensors, verbose=0), np.float32), by_int8)


def pooled(judged: Sequence[HeldOut]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All int8 outputs [N, 7] and labels [N], to fit the temperature of the model of all speakers on."""
    return np.concatenate([fold.by_int8 for fold in judged]), np.concatenate([fold.labels for fold in judged])


def fold_figures(judged: Sequence[HeldOut]) -> dict[str, dict[str, Any]]:
    """``{"float": ..., "int8": ...}``: figures over all folds' clips, and the UAR of each fold, its mean and spread.

    A fold's probabilities are calibrated on the other folds, so that the ECE is of voices never heard either.
    `uar_std` is the population's standard deviation over the folds.
    """
    labels = np.concatenate([fold.labels for fold in judged])
    result = {}
    for kind in ("float", "int8"):
        logits = [fold.by_float if kind == "float" else fold.by_int8 for fold in judged]
        probabilities = []
        for index, own in enumerate(logits):
            others = [fold for number, fold in enumerate(judged) if number != index] or judged
            probabilities.append(softmax(own, fit_temperature(*pooled(others))))
        each = [uar(own.argmax(axis=1), fold.labels) for own, fold in zip(logits, judged, strict=True)]
        result[kind] = {
            **figures(np.concatenate(probabilities), labels),
            "uar_mean": round(float(np.mean(each)), 4),
            "uar_std": round(float(np.std(each)), 4),
            "uar_folds": [round(value, 4) for value in each],
        }
    return result
