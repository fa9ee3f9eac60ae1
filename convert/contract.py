"""What a model file alone does not say: its labels and how its input is made. Given, measured, or asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets.faces import LABELS
from convert.float_model import FloatModel
from convert.gate import better_labels, certainly_better
from convert.run import INPUTS, Run, Task, read_run
from edge.errors import ConfigError
from edge.perceive.inputs import FaceInput
from edge.perceive.labels import LEFT_OUT, emotion_matrix, emotion_of
from edge.perceive.pictures import face_tensor
from edge.perceive.runtime import softmax
from edge.records import EMOTIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Mappings of pixels that trainers use, in words; (low, high), mean and std of one channel each.
_RANGES: tuple[tuple[float, float], ...] = ((-1.0, 1.0), (0.0, 1.0), (0.0, 255.0))
# ImageNet's, as torchvision has them (on 0..1), and Keras' "caffe" mode (on 0..255, blue first).
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CAFFE = (103.939, 116.779, 123.68)

Answers = Callable[[FaceInput], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Given:
    """What the user says, by flags or in a TOML file; None and empty where nothing is said."""

    labels: tuple[str, ...] = ()
    input: Mapping[str, Any] | None = None

    def value(self, key: str) -> Any:
        return (self.input or {}).get(key)


def read_given(file: Path | None, labels: str | None, flags: Mapping[str, Any], task: Task) -> Given:
    """The TOML `file` (labels, [input]) with the flags over it.

    Raises:
        ConfigError: it cannot be read, or holds what no model of `task` has.
    """
    tree: dict[str, Any] = {}
    if file is not None:
        try:
            tree = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{file}: cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise ConfigError(f"{file}: not valid TOML: {error}.") from error
    where = str(file or "the options")
    if strange := sorted(set(tree) - {"labels", "input"}):
        raise ConfigError(f"{where}: {', '.join(strange)}: no such key; known are labels and [input].")
    values = {**tree.get("input", {}), **{key: value for key, value in flags.items() if value is not None}}
    known = {field.name for field in fields(INPUTS[task])}
    if strange := sorted(set(values) - known):
        raise ConfigError(f"{where}: [input] {', '.join(strange)}: no such key for {task}; known are {sorted(known)}.")
    words = tuple(part.strip() for part in labels.split(",")) if labels else tuple(tree.get("labels", ()))
    if unknown := [word for word in words if emotion_of(word) is None and word not in LEFT_OUT]:
        raise ConfigError(
            f"{where}: labels: {', '.join(unknown)}: expected words for {', '.join(EMOTIONS)}, or contempt."
        )
    return Given(words, {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def resolve(
    model: FloatModel,
    task: Task,
    given: Given,
    judge: Callable[[FloatModel, FaceInput], tuple[NDArray[np.float32], NDArray[np.int64]]] | None,
) -> tuple[Run, dict[str, str]]:
    """The contract of `model`, and how each part of it came to be known.

    Args:
        judge: the model's outputs float32 [N, K] for labelled faces that were prepared as FaceInput says, and their
            labels int64 [N] as indices of EMOTIONS; None where there are no labelled faces.

    Raises:
        ConfigError: something is neither given nor certain; the message says how to give it.
    """
    beside = model.path.parent / "run.json"
    if beside.is_file() and model.path.name == "model.keras":
        if given.labels or given.input:
            raise ConfigError(f"{beside}: says what the labels and the input are: leave the options for them out.")
        run = read_run(beside.parent)
        if run.task != task:
            raise ConfigError(f"{beside}: expected a run of the task {task!r}, got {run.task!r}.")
        return run, {"labels": "run.json", "input": "run.json"}
    return _face(model, given, judge) if task == "face" else _declared(model, task, given)


def check_contract(model: FloatModel, run: Run) -> None:
    """Whether the classifier `model` has the input and the labels of `run`.

    Raises:
        ConfigError: it has not.
    """
    if tuple(run.input.shape) != model.input_shape or len(run.labels) != model.classes:
        raise ConfigError(
            f"{model.path}: expected the input {run.input.shape} and {len(run.labels)} labels as its contract says, "
            f"got {model.input_shape} and {model.classes}."
        )


def _declared(model: FloatModel, task: Task, given: Given) -> tuple[Run, dict[str, str]]:
    kind = INPUTS[task]
    needed = [field.name for field in fields(kind) if field.default is MISSING]
    missing = [name for name in needed if given.value(name) is None]
    if missing or not given.labels:
        raise ConfigError(
            f"{model.path}: how its features are made cannot be seen in a {task} model: give labels and [input] with "
            f"{', '.join(missing or ['(all there)'])} in a TOML file with --contract; docs/convert.md shows one."
        )
    spec = kind(**dict(given.input or {}))
    _check_labels(model, given.labels)
    return Run(task, spec, given.labels, {"architecture": model.path.name}), {"labels": "given", "input": "given"}


def _check_labels(model: FloatModel, labels: Sequence[str]) -> None:
    if len(labels) != model.classes:
        raise ConfigError(
            f"{model.path}: has {model.classes} outputs, got {len(labels)} labels ({', '.join(labels)}): give one for "
            "each output, in their order."
        )


def _face(model: FloatModel, given: Given, judge: Any) -> tuple[Run, dict[str, str]]:
    if len(model.input_shape) != 3 or model.input_shape[2] not in (1, 3):
        raise ConfigError(
            f"{model.path}: expected an input of height, width and 1 or 3 channels, got {model.input_shape}."
        )
    if given.labels:
        _check_labels(model, given.labels)
    how = {"size": "the model's input", "crop_margin": "given"}
    height, width, channels = model.input_shape
    spec = FaceInput(height, width, channels, 0.0, 1.0, 0.0)
    margin = given.value("crop_margin")
    if margin is None:
        margin, how["crop_margin"] = 0.0, "assumed: pictures framed as FER2013's; --crop-margin gives another"
    said = {key: given.value(key) for key in ("order", "mean", "std") if given.value(key) is not None}
    low, high = given.value("low"), given.value("high")
    if low is not None and high is not None:
        how["range"] = "given"
        ranges = [replace(spec, low=float(low), high=float(high), **said)]
    elif model.rescales:
        how["range"] = "the model's own first layer"
        ranges = [replace(spec, low=0.0, high=255.0, **said)]
    else:
        ranges = [replace(spec, low=one, high=two, **said) for one, two in _RANGES]
        ranges += [] if said else standardised(spec)
    orders = ("rgb", "bgr") if channels == 3 and "order" not in said else (said.get("order", "rgb"),)
    candidates = list(dict.fromkeys(replace(each, order=order) for each, order in product(ranges, orders)))
    candidates = [replace(each, crop_margin=float(margin)) for each in candidates]
    if len(candidates) == 1 and given.labels:
        return Run("face", candidates[0], given.labels, {"architecture": model.path.name}), {**how, "labels": "given"}
    if judge is None:
        raise ConfigError(
            f"{model.path}: neither given nor measurable without labelled faces: "
            f"{'' if given.labels else 'the labels (--labels), '}how pixels are scaled (--range)."
        )
    return _measured(model, given, candidates, how, judge)


def standardised(spec: FaceInput) -> list[FaceInput]:
    """The usual mappings with a mean and a standard deviation, for colour."""
    if spec.channels != 3:
        return []
    mean, std = _IMAGENET
    return [
        replace(spec, low=0.0, high=1.0, mean=mean, std=std),
        replace(spec, low=0.0, high=255.0, mean=_CAFFE, order="bgr"),
    ]


def usual(spec: FaceInput) -> list[FaceInput]:
    """Other ways in which trainers prepare pixels of the same size, to compare a declared one with."""
    plain = replace(spec, mean=(), std=(), order="rgb")
    found = [replace(plain, low=low, high=high) for low, high in _RANGES]
    return [other for other in [*found, *standardised(plain)] if other != spec]


def _measured(
    model: FloatModel, given: Given, candidates: Sequence[FaceInput], how: dict[str, str], judge: Any
) -> tuple[Run, dict[str, str]]:
    """Take what makes the model right most often on labelled faces, if it is certainly the best."""
    labels = given.labels or (EMOTIONS if model.classes == len(EMOTIONS) else ())
    if not labels:
        raise ConfigError(
            f"{model.path}: has {model.classes} outputs: which label is each? Give --labels, in their order."
        )
    _check_labels(model, labels)
    judged = []
    for spec in candidates:
        outputs, truth = judge(model, spec)
        order = list(labels)
        probabilities = in_emotions(outputs, labels)
        if not given.labels and (moved := better_labels(probabilities, truth, EMOTIONS)):
            order = [moved.get(label, label) for label in order]
            probabilities = in_emotions(outputs, order)
        judged.append((float((probabilities.argmax(axis=1) == truth).mean()), order, probabilities, spec, truth))
    judged.sort(key=lambda item: -item[0])
    best, order, probabilities, spec, truth = judged[0]
    doubtful = [item for item in judged[1:] if not certainly_better(probabilities, item[2], truth)]
    if doubtful:
        options = " or ".join(_words(item[3]) for item in (judged[0], *doubtful))
        raise ConfigError(
            f"{model.path}: how its pixels are prepared is not certain: right for {100 * best:.1f} % of {len(truth)} "
            f"faces with {options}. Say which by --range, --order, --mean and --std, or in a file with --contract."
        )
    result = f"measured: right for {100 * best:.1f} % of {len(truth)} labelled faces"
    if len(judged) > 1:
        result += f", {100 * judged[1][0]:.1f} % with the next best ({_words(judged[1][3])})"
        how["range"] = result
    how["labels"] = "given" if given.labels else result
    return Run("face", spec, tuple(order), {"architecture": model.path.name}), how


def _words(spec: FaceInput) -> str:
    more = f", mean {spec.mean}, std {spec.std}" if spec.mean or spec.std else ""
    colour = f" {spec.order}" if spec.channels == 3 else ""
    return f"{spec.low:g}..{spec.high:g}{colour}{more}"


def in_emotions(outputs: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
    """Logits or probabilities float32 [N, labels] as probabilities float32 [N, K] over EMOTIONS; contempt falls out."""
    probabilities = outputs if are_probabilities(outputs) else softmax(outputs)
    result = probabilities @ emotion_matrix(labels) + np.float32(1e-9)
    return np.asarray(result / result.sum(axis=1, keepdims=True), np.float32)


def in_labels(probabilities: NDArray[np.float32], labels: Sequence[str]) -> NDArray[np.float32]:
    """Probabilities float32 [N, labels] of a model's own labels in the order of LABELS, [N, 8]."""
    contempt = np.array([label == LABELS[-1] for label in labels], np.float32)
    return np.asarray(probabilities @ np.column_stack([emotion_matrix(labels), contempt]), np.float32)


def are_probabilities(outputs: NDArray[np.float32]) -> bool:
    """Whether all rows of float32 [N, K] are distributions: what a softmax gives, and logits do not."""
    return bool((outputs >= -1e-3).all() and np.abs(outputs.sum(axis=1) - 1).max() < 0.02)


def prepared(images: Iterable[NDArray[np.uint8]], spec: FaceInput) -> NDArray[np.float32]:
    """Inputs float32 [N, *spec.shape] for face crops uint8 [h, w] or [h, w, 3], by the device's own function."""
    return np.stack([face_tensor(image, spec) for image in images])


def describe(run: Run, how: Mapping[str, str]) -> dict[str, Any]:
    """The contract for a report."""
    return {"task": run.task, "labels": list(run.labels), "input": asdict(run.input), "known_by": dict(how)}
