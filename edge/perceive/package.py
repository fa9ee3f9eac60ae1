"""Model packages: a folder with ``model.json`` (the contract) and the files that it names.

The contract is read, and every file's hash compared, before any interpreter sees a byte: a changed byte in a
.tflite file rarely raises, but often changes the answers silently or hangs.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from edge import __version__
from edge.errors import ModelError
from edge.perceive.fusion_input import FusionInput
from edge.perceive.inputs import DetectorInput, FaceInput, SpeechInput
from edge.perceive.labels import KNOWN, emotion_matrix

#: Version of the layout of model.json and of the meaning of its input parameters.
SCHEMA = 1
#: The same model for accelerators that compute in floats; optional.
FLOAT16_FILE = "model_float16.tflite"
Task = Literal["face", "speech", "fusion", "detector"]
Input = FaceInput | SpeechInput | FusionInput
_INPUTS: dict[str, type[Input | DetectorInput]] = {
    "face": FaceInput,
    "speech": SpeechInput,
    "fusion": FusionInput,
    "detector": DetectorInput,
}
#: What a detector finds.
DETECTED = ("face",)

_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "tuple[float, ...]": (list,),
}


@dataclass(frozen=True, slots=True, eq=False)
class ModelPackage:
    """A verified model package.

    `output` says what the model returns for its `labels`: ``logits`` or ``probabilities``. `temperature` divides
    the logits (Guo et al. 2017, "On Calibration of Modern Neural Networks") so that probabilities are calibrated.
    `description` is the whole model.json. `input` of a detector is a DetectorInput: only CellDetector loads such.
    """

    folder: Path
    name: str
    version: str
    task: Task
    labels: tuple[str, ...]
    input: Input
    output: Literal["logits", "probabilities"]
    temperature: float
    licence: str
    metrics: Mapping[str, Any]
    description: Mapping[str, Any]

    @property
    def model_path(self) -> Path:
        return self.folder / "model.tflite"

    def file_for(self, accelerator: str) -> str:
        """The name of the file that suits `accelerator` best: GPUs compute in floats, all others in int8."""
        if accelerator == "gpu" and FLOAT16_FILE in self.description["files"]:
            return FLOAT16_FILE
        return "model.tflite"

    @property
    def sha256(self) -> str:
        """The hash of model.tflite."""
        return str(self.description["files"]["model.tflite"]["sha256"])

    def to_emotions(self) -> NDArray[np.float32]:
        """float32 [labels, K]: multiply label probabilities by it to get EMOTIONS (what is none falls out)."""
        return emotion_matrix(self.labels)


def find_package(name: str, folders: tuple[Path, ...] = ()) -> Path:
    """The folder of the package `name`: a path if it holds a slash, else looked for in `folders`, then as shipped.

    Raises:
        ModelError: there is no such folder with a model.json.
    """
    if "/" in name:
        candidates = [Path(os.path.expanduser(name))]  # noqa: PTH111 - never raises, unlike Path's
    else:
        here = Path(__file__).resolve().parent.parent
        shipped = (here / "_models", here.parent / "models")  # in a wheel; in a checkout
        candidates = [folder / name for folder in (*folders, *shipped)]
    for candidate in candidates:
        if (candidate / "model.json").is_file():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise ModelError(
        f"model package {name!r}: expected a folder with model.json, found none (looked at: {looked}). "
        "Give the path of a package, or make one with 'emotion-convert quantize'."
    )


def load_package(folder: Path, task: Task) -> ModelPackage:
    """Read and verify the package in `folder`.

    Raises:
        ModelError: something is missing, damaged, of another task or another schema; the message says which.
    """
    path = folder / "model.json"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}. Is this a model package?") from error
    except ValueError as error:
        raise ModelError(f"{path}: expected JSON: {error}. Copy or make the package again.") from error
    if not isinstance(description, dict):
        raise ModelError(f"{path}: expected a JSON object, got {type(description).__name__}.")
    if description.get("schema") != SCHEMA:
        raise ModelError(
            f"{path}: expected schema {SCHEMA}, got {description.get('schema')!r}. Make the package again with the "
            f"emotion-convert of this version ({__version__}), or install the emotion-edge that it was made for."
        )
    if description.get("task") != task:
        raise ModelError(f"{path}: expected a model for the task {task!r}, got {description.get('task')!r}.")
    package = ModelPackage(
        folder=folder,
        name=_text(path, description, "name"),
        version=_text(path, description, "version"),
        task=task,
        labels=_labels(path, description.get("labels"), task),
        input=cast(Any, _input(path, description.get("input"), _INPUTS[task])),
        output=_output(path, description.get("output")),
        temperature=_temperature(path, description.get("temperature")),
        licence=_text(path, description, "licence"),
        metrics=_metrics(path, description.get("metrics")),
        description=description,
    )
    _verify_files(path, description.get("files"))
    return package


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _text(path: Path, description: dict[str, Any], key: str) -> str:
    value = description.get(key)
    if not isinstance(value, str) or not value:
        raise ModelError(f"{path}: {key}: expected a text, got {value!r}.")
    return value


def _labels(path: Path, value: Any, task: Task) -> tuple[str, ...]:
    if task == "detector":
        if value != list(DETECTED):
            raise ModelError(f"{path}: labels: expected {list(DETECTED)}, got {value!r}.")
        return DETECTED
    if not isinstance(value, list) or len(value) < 2 or len(set(map(str, value))) != len(value):
        raise ModelError(f"{path}: labels: expected a list of two or more different labels, got {value!r}.")
    strange = [label for label in value if not isinstance(label, str) or label not in KNOWN]
    if strange:
        raise ModelError(f"{path}: labels: {strange} are not known; known are {', '.join(sorted(KNOWN))}.")
    return tuple(value)


def _input(path: Path, value: Any, kind: type[Input | DetectorInput]) -> Input | DetectorInput:
    names = {field.name for field in fields(kind)}
    # What came later has a default that means what packages meant before.
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    if not isinstance(value, dict) or not needed <= set(value) <= names:
        got = sorted(value) if isinstance(value, dict) else value
        raise ModelError(f"{path}: input: expected the keys {sorted(names)}, got {got}.")
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name not in value:
            continue
        given = value[field.name]
        kinds = _KINDS[str(field.type)]
        items = given if isinstance(given, list) else [given]
        numbers = all(isinstance(item, (int, float)) and math.isfinite(item) for item in items)
        if field.type == "str":
            numbers = True
        if not isinstance(given, kinds) or not numbers or (field.type != "bool" and isinstance(given, bool)):
            raise ModelError(f"{path}: input.{field.name}: expected {field.type}, got {given!r}.")
        values[field.name] = tuple(given) if isinstance(given, list) else given
    spec = kind(**values)
    wrong = _mistake(spec)
    if wrong:
        raise ModelError(f"{path}: input: {wrong}.")
    return spec


def _mistake(spec: Input | DetectorInput) -> str | None:
    if isinstance(spec, FusionInput):
        if not (0 < spec.least_probability <= 0.1 and 0 < spec.fade_ms <= 60_000):
            return "expected a least_probability above 0 to 0.1 and a fade_ms of 1 to 60000"
        return None
    if isinstance(spec, DetectorInput):
        return _detector_mistake(spec)
    return _face_mistake(spec) if isinstance(spec, FaceInput) else _speech_mistake(spec)


def _detector_mistake(spec: DetectorInput) -> str | None:
    if not (0 < spec.height <= 4096 and 0 < spec.width <= 4096 and spec.channels == 3):
        return f"expected height and width of 1 to 4096 and 3 channels, got {spec.shape}"
    return None if spec.low < spec.high else "expected low < high"


def _face_mistake(spec: FaceInput) -> str | None:
    if not (0 < spec.height <= 1024 and 0 < spec.width <= 1024 and spec.channels in (1, 3)):
        return f"expected height and width of 1 to 1024 and 1 or 3 channels, got {spec.shape}"
    if not (spec.low < spec.high and 0 <= spec.crop_margin <= 2):
        return "expected low < high and a crop_margin of 0 to 2"
    if spec.order not in ("rgb", "bgr"):
        return f"expected the order rgb or bgr, got {spec.order!r}"
    if any(len(values) not in (0, spec.channels) for values in (spec.mean, spec.std)) or min(spec.std, default=1) <= 0:
        return "expected mean and std to be empty or one number for each channel, std above 0"
    if spec.align not in ("", "eyes"):
        return f"expected align to be 'eyes' or empty, got {spec.align!r}"
    return None


def _speech_mistake(spec: SpeechInput) -> str | None:
    if spec.sample_rate_hz != 16_000:
        return f"expected a sample_rate_hz of 16000, the rate of the audio path, got {spec.sample_rate_hz}"
    if not (0 < spec.step_ms <= spec.frame_ms <= spec.window_ms <= 10_000):
        return "expected 0 < step_ms <= frame_ms <= window_ms <= 10000"
    if not (0 < spec.coefficients <= spec.mel_filters <= 256):
        return "expected 0 < coefficients <= mel_filters <= 256"
    if spec.log_mel and spec.coefficients != spec.mel_filters:
        return "expected as many coefficients as mel_filters with log_mel"
    if not (0 <= spec.low_hz < spec.high_hz <= spec.sample_rate_hz // 2):
        return "expected 0 <= low_hz < high_hz <= half the sample rate"
    if len(spec.mean) != spec.channels or len(spec.std) != spec.channels or min(spec.std) <= 0:
        return f"expected one mean and one std above 0 for each of the {spec.channels} channels"
    return None


def _output(path: Path, value: Any) -> Literal["logits", "probabilities"]:
    if value == "logits":
        return "logits"
    if value == "probabilities":
        return "probabilities"
    raise ModelError(f"{path}: output: expected 'logits' or 'probabilities', got {value!r}.")


def _temperature(path: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.05 <= value <= 20:
        raise ModelError(f"{path}: temperature: expected a number of 0.05 to 20, got {value!r}.")
    return float(value)


def _metrics(path: Path, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ModelError(f"{path}: metrics: expected an object of measured figures (it may be empty), got {value!r}.")
    return value


def _verify_files(path: Path, files: Any) -> None:
    if not isinstance(files, dict) or "model.tflite" not in files:
        raise ModelError(f"{path}: files: expected an entry for model.tflite, got {files!r}.")
    for name, entry in files.items():
        expected = entry.get("sha256") if isinstance(entry, dict) else None
        if Path(name).name != name or not isinstance(expected, str):
            raise ModelError(f"{path}: files: expected file names of this folder with a sha256, got {name!r}.")
        try:
            actual = file_sha256(path.parent / name)
        except OSError as error:
            raise ModelError(f"{path.parent / name}: cannot be read: {error.strerror}.") from error
        if actual != expected:
            raise ModelError(
                f"{path.parent / name}: damaged: expected sha256 {expected[:16]}..., got {actual[:16]}... "
                "Copy or install the package again."
            )
