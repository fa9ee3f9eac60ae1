"""Golden vectors: an input file, its features and the answer, stored in a package when it was made.

Features computed here from the same file must be the same: a wrong mel filter, another resampling or swapped colours
are found when the package is installed, not in the field.
"""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.perceive.features import FaceInput, SpeechInput, crop_face, face_tensor, speech_tensor
from edge.perceive.package import Input
from edge.perceive.runtime import Model
from edge.records import EMOTIONS, Box

#: Grey levels by which libraries round differently when they scale a picture.
_GREY_LEVELS = 2.5
#: In standard deviations of a speech feature: another Fourier transform differs far less, another mel filter far more.
_SPEECH_TOLERANCE = 0.02
#: A few steps of int8 in the logits, as kernels of other processors and float16 give.
_PROBABILITY_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """`status`: ``passed``, ``failed``, or ``absent`` where the package holds none; `message` is for people."""

    status: Literal["passed", "failed", "absent"]
    message: str


def check_golden(model: Model) -> GoldenCheck:
    """Compute the features and the answer of the package's own input file and compare them with what it says.

    Raises:
        ModelError: the files are there but cannot be read.
    """
    package = model.package
    told = package.description.get("golden")
    if told is None:
        return GoldenCheck("absent", f"{package.name}: holds no golden vectors; quantize the model again to get them")
    try:
        features = golden_features(package.folder / told["input"], package.input, told.get("box"))
        expected = np.load(package.folder / told["features"], allow_pickle=False)
        answer = np.array([told["probabilities"][emotion] for emotion in EMOTIONS], np.float32)
    except (KeyError, TypeError, ValueError, OSError, wave.Error) as error:
        raise ModelError(f"{package.folder / 'model.json'}: golden: cannot be used: {error!r}.") from error
    if features.shape != expected.shape:
        return GoldenCheck("failed", f"{package.name}: features of the shape {expected.shape}, here {features.shape}")
    off = float(np.abs(features - expected).max())
    tolerance = feature_tolerance(package.input)
    if not off <= tolerance:
        return GoldenCheck(
            "failed",
            f"{package.name}: features differ by up to {off:.3g} from those of its maker, more than {tolerance:.3g}: "
            "this installation prepares input differently. Install the versions of NumPy, OpenCV and "
            "python-speech-features that pyproject.toml asks for, or make the package again with this version",
        )
    # Of the stored features, so that rounding in them does not count twice.
    off = float(np.abs(model.probabilities(expected) - answer).max())
    if not off <= _PROBABILITY_TOLERANCE:
        return GoldenCheck(
            "failed",
            f"{package.name}: probabilities differ by up to {off:.3g} from those of its maker, more than "
            f'{_PROBABILITY_TOLERANCE}: try accelerator = "cpu" in [inference]; if that fails too, install '
            "ai-edge-litert again",
        )
    return GoldenCheck("passed", f"{package.name}: features and answer as at its making")


def golden_features(path: Path, spec: Input, box: Any = None) -> NDArray[np.float32]:
    """The model's input from a golden input file: a picture with the face's box (x, y, width, height), or a sound."""
    if isinstance(spec, FaceInput):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{path} is no picture")
        rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        return face_tensor(crop_face(rgb, Box(*map(float, box)), spec.crop_margin), spec)
    if not isinstance(spec, SpeechInput):
        raise ValueError("golden vectors are of faces and sounds")  # noqa: TRY004 - told like any other bad content
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return speech_tensor(np.asarray(samples / np.float32(32768), np.float32), spec)


def feature_tolerance(spec: Input) -> float:
    """Largest difference of a feature that is still the same."""
    if isinstance(spec, FaceInput):
        return _GREY_LEVELS / 255 * (spec.high - spec.low) / min(spec.std, default=1.0)
    return _SPEECH_TOLERANCE
