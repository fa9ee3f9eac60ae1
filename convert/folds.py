"""What the fold models of a speech run say about the actors that they have never heard."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.calibrate import fit_temperature
from convert.datasets.speech import Clip, load_corpora
from convert.evaluate import outputs
from convert.examples import calibration_sample
from convert.float_model import from_keras, load_keras
from convert.metrics import figures, uar
from convert.operations import keep_in_float, layer_errors
from convert.package import write_package
from convert.prepare import prepare
from convert.representative import COUNT
from convert.run import Run, read_run
from convert.schemes import convert
from convert.trained_on import check_unheard
from convert.voices import Voices, load_voices
from edge.errors import ConfigError
from edge.perceive.features import normalise_frames
from edge.perceive.inputs import SpeechInput
from edge.perceive.labels import NO_SPEECH, emotion_matrix
from edge.perceive.package import load_package
from edge.perceive.runtime import Model, softmax
from edge.records import EMOTIONS

_SEED = 7  # of the hiss behind the test windows
_LAYERS_ON = 24
CALM = "calm"


@dataclass(frozen=True, slots=True)
class Making:
    """How fold models are converted: number format, examples to calibrate on, epochs of fine-tuning, layers in float.

    Each model keeps those of its own layers in float that lose most.
    """

    scheme: str = "int8"
    count: int = COUNT
    finetune: int = 0
    in_float: int = 0

    def keeping(self, in_float: int) -> Making:
        """The same with so many layers in float."""
        return replace(self, in_float=in_float)


#: As the packages ship.
INT8 = Making()


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Outputs of one fold's model for its actors' clips, logits float32 [N, L], float and converted.

    `labels` int64 [N] are indices of EMOTIONS, `calm` bool [N] tells RAVDESS' two kinds of neutral apart, `said` names
    the model's L outputs, `model` is the converted one, `clips` are what it judged.
    """

    labels: NDArray[np.int64]
    by_float: NDArray[np.float32]
    converted: NDArray[np.float32]
    said: tuple[str, ...] = EMOTIONS
    calm: NDArray[np.bool_] | None = None
    model: Model | None = None
    clips: tuple[Clip, ...] = ()

    def emotions(self, logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
        """Probabilities float32 [N, 7] over EMOTIONS."""
        shares = softmax(logits, temperature) @ emotion_matrix(self.said)
        return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9), np.float32)

    def voice(self, logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
        """How probable it is, float32 [N], that anybody speaks: 1 for a model without the class no_speech."""
        if NO_SPEECH not in self.said:
            return np.ones(len(logits), np.float32)
        return 1 - softmax(logits, temperature)[:, self.said.index(NO_SPEECH)]


def fold_folders(run: Path) -> list[Path]:
    """The folders of the fold models below the run's folder, in order; none if it was trained without --folds."""
    return sorted(path.parent for path in run.glob("fold-*/run.json"))


def held_out_outputs(run: Path, data: Path, making: Making = INT8) -> list[HeldOut]:
    """Convert every fold model and let it and its float original judge all clips of the actors that it holds out.

    Raises:
        ConfigError: there are no fold models, or their actors' clips are not in `data`.
    """
    folders = fold_folders(run)
    if not folders:
        raise ConfigError(
            f"{run}: expected the fold models fold-1, fold-2, ..., found none. "
            "Make them with 'emotion-convert train speech --folds'."
        )
    return [judge(folder, data, making) for folder in folders]


def judge(folder: Path, data: Path, making: Making = INT8) -> HeldOut:
    """Let the run in `folder`, and what becomes of it, judge all clips of the speakers that it holds out."""
    run, spec, voices = held_out_voices(folder, data)
    tensors = np.stack([normalise_frames(window, spec) for window in voices.windows])
    model = _converted(folder, data, making)
    keras_model = load_keras(folder / "model.keras", folder / "quantize.log")
    by_float = np.asarray(keras_model.predict(tensors, verbose=0), np.float32)
    calm = np.array([clip.calm for clip in voices.clips], bool)
    return HeldOut(voices.labels, by_float, outputs(model, tensors), run.labels, calm, model, voices.clips)


def held_out_voices(folder: Path, data: Path) -> tuple[Run, SpeechInput, Voices]:
    """The run in `folder`, its input, and the clips of `data` by the speakers that it holds out.

    Raises:
        ConfigError: there are no such clips, or the run was trained on one of them.
    """
    run = read_run(folder)
    clips = [clip for clip in load_corpora(data) if clip.speaker in run.about["held_out"]]
    if not clips or not isinstance(run.input, SpeechInput):
        raise ConfigError(f"{data}: expected clips of {', '.join(run.about['held_out'])}, found none.")
    voices = load_voices(clips, run.input, _SEED)
    check_unheard(folder, voices.marked)
    return run, run.input, voices


def _converted(folder: Path, data: Path, making: Making) -> Model:
    """What becomes of the run in `folder`, at temperature 1."""
    run = read_run(folder)
    path, log = folder / "model.keras", folder / "quantize.log"
    model = from_keras(load_keras(path, log), path, log)
    tensors = calibration_sample(run, data, making.count).tensors
    model, _ = prepare(model, tensors, making.scheme, making.finetune, log)
    tflite = convert(model, making.scheme, tensors, log)
    if making.in_float:
        ranked = keep_in_float(layer_errors(model.tflite, tflite, tensors[:: max(1, len(tensors) // _LAYERS_ON)]))
        tflite = convert(model, making.scheme, tensors, log, ranked[: making.in_float])
    with tempfile.TemporaryDirectory() as package:
        write_package(Path(package), run, tflite)
        return Model(load_package(Path(package), "speech"))


def calibrated(judged: Sequence[HeldOut], index: int) -> Model:
    """The converted model of one of `judged`, at the temperature of the others."""
    others = [other for number, other in enumerate(judged) if number != index] or list(judged)
    model = judged[index].model
    assert model is not None  # noqa: S101 - `judge` gives it
    model.package = replace(model.package, temperature=common_temperature(others))
    return model


def common_temperature(judged: Sequence[HeldOut], by_float: bool = False) -> float:
    """The temperature fitted on what was judged by all of `judged`, converted or float."""
    logits = np.concatenate([fold.by_float if by_float else fold.converted for fold in judged])
    labels = np.concatenate([fold.labels for fold in judged])
    return fit_temperature(logits, labels, emotion_matrix(judged[0].said))


def fold_figures(judged: Sequence[HeldOut], label: str = "int8") -> dict[str, dict[str, Any]]:
    """``{"float": ..., label: ...}``: figures over all folds' clips, and the UAR of each fold, its mean and spread.

    A fold's probabilities are calibrated on the other folds, so that the ECE is of voices never heard either.
    `uar_std` is the population's standard deviation over the folds.
    """
    labels = np.concatenate([fold.labels for fold in judged])
    result = {}
    for kind in ("float", label):
        by_float = kind == "float"
        logits = [fold.by_float if by_float else fold.converted for fold in judged]
        probabilities = []
        for index, (own, fold) in enumerate(zip(logits, judged, strict=True)):
            others = [other for number, other in enumerate(judged) if number != index] or judged
            probabilities.append(fold.emotions(own, common_temperature(others, by_float)))
        each = [uar(own.argmax(axis=1), fold.labels) for own, fold in zip(probabilities, judged, strict=True)]
        result[kind] = {**figures(np.concatenate(probabilities), labels), **_spread("uar", each)}
        if all(fold.calm is not None and CALM in fold.said for fold in judged):
            eight = [_with_calm(*pair) for pair in zip(judged, logits, strict=True)]
            result[kind] |= _spread("uar_with_calm", [uar(*pair, len(EMOTIONS) + 1) for pair in eight])
            right = np.concatenate([answer == truth for answer, truth in eight])
            result[kind]["accuracy_with_calm"] = round(float(right.mean()), 4)
    return result


def _with_calm(fold: HeldOut, logits: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Answers and truth, int64 [N] each, over eight classes, RAVDESS' calm being the last."""
    assert fold.calm is not None  # noqa: S101 - asked for before
    answer = logits[:, [fold.said.index(name) for name in (*EMOTIONS, CALM)]].argmax(axis=1)
    return answer, np.where(fold.calm, len(EMOTIONS), fold.labels)


def _spread(name: str, each: Sequence[float]) -> dict[str, Any]:
    return {
        f"{name}_mean": round(float(np.mean(each)), 4),
        f"{name}_std": round(float(np.std(each)), 4),
        f"{name}_folds": [round(value, 4) for value in each],
    }
