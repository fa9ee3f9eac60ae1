"""Golden vectors: an input file, its features and the answer, stored in a package when it was made.

Features computed here from the same file must be the same: a wrong mel filter, another resampling or swapped colours
are found when the package is installed, not in the field.
"""

from __future__ import annotations

import json
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.perceive.detector import CellDetector
from edge.perceive.features import speech_tensor
from edge.perceive.fusion_input import FusionInput, fusion_tensor
from edge.perceive.inputs import DetectorInput, FaceInput, SpeechInput
from edge.perceive.package import Input
from edge.perceive.pictures import crop_face, face_tensor
from edge.perceive.runtime import Model
from edge.records import EMOTIONS, Box, Sensed

#: Of a detector's input every so many pixels of every so many rows are kept, of its answers every so many cells.
SEEN_STEP, ANSWER_STEP = 7, 47
#: Grey levels by which libraries round differently when they scale a picture.
_GREY_LEVELS = 2.5
#: In standard deviations of a speech feature: another Fourier transform differs far less, another mel filter far more.
_SPEECH_TOLERANCE = 0.02
#: The logarithms of a fusion's input are computed alike everywhere.
_FUSION_TOLERANCE = 1e-3
#: A few steps of int8 in the logits, as kernels of other processors and float16 give.
_PROBABILITY_TOLERANCE = 0.05
#: Mean difference of a detector's answers, which lie in 0..6: swapped colours make 1.0.
_ANSWER_TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """`status`: ``passed``, ``failed``, or ``absent`` where the package holds none; `message` is for people."""

    status: Literal["passed", "failed", "absent"]
    message: str


def check_golden(model: Model | CellDetector) -> GoldenCheck:
    """Compute the features and the answer of the package's own input file and compare them with what it says.

    Raises:
        ModelError: the files are there but cannot be read.
    """
    package = model.package
    told = package.description.get("golden")
    if told is None:
        return GoldenCheck("absent", f"{package.name}: holds no golden vectors; quantize the model again to get them")
    try:
        kept = np.load(package.folder / told["features"], allow_pickle=False)
        if isinstance(model, CellDetector):
            picture = _picture(package.folder / told["input"])
            features, answer = seen_sample(model, picture), answer_sample(model, picture)
            expected = np.load(package.folder / told["answer"], allow_pickle=False)
        else:
            features = golden_features(package.folder / told["input"], package.input, told)
            expected = np.array([told["probabilities"][emotion] for emotion in EMOTIONS], np.float32)
            # Of the stored features, so that rounding in them does not count twice.
            answer = model.probabilities(kept) if kept.shape == package.input.shape else expected
    except (KeyError, TypeError, ValueError, OSError, wave.Error) as error:
        raise ModelError(f"{package.folder / 'model.json'}: golden: cannot be used: {error!r}.") from error
    if features.shape != kept.shape or answer.shape != expected.shape:
        return GoldenCheck("failed", f"{package.name}: features of the shape {kept.shape}, here {features.shape}")
    off = float(np.abs(features - kept).max())
    tolerance = feature_tolerance(package.input)
    if not off <= tolerance:
        return GoldenCheck(
            "failed",
            f"{package.name}: features differ by up to {off:.3g} from those of its maker, more than {tolerance:.3g}: "
            "this installation prepares input differently. Install the versions of NumPy, OpenCV and "
            "python-speech-features that pyproject.toml asks for, or make the package again with this version",
        )
    differences = np.abs(answer - expected)
    detector = isinstance(model, CellDetector)
    off = float(differences.mean() if detector else differences.max())
    tolerance = _ANSWER_TOLERANCE if detector else _PROBABILITY_TOLERANCE
    if not off <= tolerance:
        what = "answers differ by" if detector else "probabilities differ by up to"
        return GoldenCheck(
            "failed",
            f"{package.name}: {what} {off:.3g} from those of its maker, more than "
            f'{tolerance}. Try accelerator = "cpu" in [inference]; if that fails too, install ai-edge-litert again',
        )
    return GoldenCheck("passed", f"{package.name}: features and answer as at its making")


def golden_features(path: Path, spec: Input, told: Mapping[str, Any]) -> NDArray[np.float32]:
    """The model's input from a golden input file: a picture, a sound, or what two senses said.

    Args:
        told: the ``box`` of a picture's face: x, y, width, height.
    """
    if isinstance(spec, FaceInput):
        return face_tensor(crop_face(_picture(path), Box(*map(float, told["box"])), spec.crop_margin), spec)
    if isinstance(spec, SpeechInput):
        with wave.open(str(path), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return speech_tensor(np.asarray(samples / np.float32(32768), np.float32), spec)
    said = json.loads(path.read_text(encoding="utf-8"))
    face, speech = (
        Sensed(np.array(sense["probabilities"], np.float32), float(sense["quality"]), float(sense["age_ms"]))
        for sense in (said["face"], said["speech"])
    )
    return fusion_tensor(face, speech, spec)


def seen_sample(detector: CellDetector, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Some of what a detector reads of `picture`, float32 [rows, columns, C]: all would be megabytes."""
    return detector.seen(picture)[::SEEN_STEP, ::SEEN_STEP]


def answer_sample(detector: CellDetector, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A detector's answers for some of its cells, float32 [cells, 15]."""
    return detector.answers(picture)[::ANSWER_STEP]


def feature_tolerance(spec: Input | DetectorInput) -> float:
    """Largest difference of a feature that is still the same."""
    if isinstance(spec, FaceInput):
        return _GREY_LEVELS / 255 * (spec.high - spec.low) / min(spec.std, default=1.0)
    if isinstance(spec, DetectorInput):
        return _GREY_LEVELS / 255 * (spec.high - spec.low)
    return _FUSION_TOLERANCE if isinstance(spec, FusionInput) else _SPEECH_TOLERANCE


def _picture(path: Path) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] RGB."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path} is no picture")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
