"""Make a package's golden vectors, of a made-up picture or sound: nobody's face or voice travels with a model."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import wave
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.perceive.detector import CellDetector
from edge.perceive.golden import answer_sample, golden_features, seen_sample
from edge.perceive.inputs import FaceInput, SpeechInput
from edge.perceive.package import Input, Task, load_package
from edge.perceive.runtime import Model
from edge.records import EMOTIONS

_SEED = 11
_BOX = (22, 13, 61, 58)  # odd sides and an odd place: rounding counts too


def golden_vectors(model: Model | CellDetector) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What model.json says of them under ``golden``, and the files by name; the same model gives the same bytes.

    Args:
        model: on the CPU.
    """
    if isinstance(model, CellDetector):
        return _of_detector(model)
    spec = model.package.input
    name, content = _input(spec)
    told: dict[str, Any] = {"input": name, "features": "golden.npy"}
    if isinstance(spec, FaceInput):
        told["box"] = list(_BOX)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        features = golden_features(path, spec, told)
    answer = model.probabilities(features)
    told["probabilities"] = {emotion: round(float(p), 5) for emotion, p in zip(EMOTIONS, answer, strict=True)}
    return told, {name: content, "golden.npy": _npy(features)}


def _of_detector(detector: CellDetector) -> tuple[dict[str, Any], dict[str, bytes]]:
    picture = _blots()
    files = {
        "golden.png": _png(picture),
        "golden.npy": _npy(seen_sample(detector, picture)),
        "golden_answer.npy": _npy(answer_sample(detector, picture)),
    }
    return {"input": "golden.png", "features": "golden.npy", "answer": "golden_answer.npy"}, files


def _input(spec: Input) -> tuple[str, bytes]:
    """The input file's name and content."""
    if isinstance(spec, FaceInput):
        return "golden.png", _png(_blots())
    if isinstance(spec, SpeechInput):
        return "golden.wav", _sound(spec)
    # A sure face and an unsure, older voice that disagree.
    face, speech = ([0.04, 0.02, 0.05, 0.71, 0.03, 0.1, 0.05], [0.31, 0.12, 0.17, 0.08, 0.13, 0.08, 0.11])
    said = {
        "face": {"probabilities": face, "quality": 0.8, "age_ms": 40.0},
        "speech": {"probabilities": speech, "quality": 0.6, "age_ms": 700.0},
    }
    return "golden.json", (json.dumps(said, indent=2) + "\n").encode()


def add_golden(folder: Path, task: Task) -> None:
    """Put golden vectors into the package `folder`, which has none or old ones; nothing else of it changes.

    Raises:
        ModelError: it is no good package.
    """
    package = load_package(folder, task)
    golden, files = golden_vectors(CellDetector(package) if task == "detector" else Model(package))
    path = folder / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    for name, content in files.items():
        (folder / name).write_bytes(content)
        description["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    description["golden"] = golden
    path.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _npy(values: NDArray[np.float32]) -> bytes:
    array = io.BytesIO()
    np.save(array, values)
    return array.getvalue()


def _png(rgb: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1])


def _blots() -> NDArray[np.uint8]:
    """Soft blots of colour, uint8 [84, 112, 3] RGB: every channel differs from the others everywhere."""
    rng = np.random.default_rng(_SEED)
    coarse = rng.integers(0, 256, (7, 9, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (112, 84), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth[:, :, ::-1], np.uint8)


def _sound(spec: SpeechInput) -> bytes:
    """A voice-like tone: a gliding pitch with twelve harmonics, in syllables, over a little noise."""
    time_s = np.arange(spec.window_samples) / spec.sample_rate_hz
    pitch_hz = 140 + 60 * np.sin(2 * np.pi * 0.6 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / spec.sample_rate_hz
    voice = np.sum([np.sin(k * phase) / k for k in range(1, 13)], axis=0)
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time_s), 0, 1)
    noise = np.random.default_rng(_SEED).standard_normal(len(time_s))
    samples = np.rint(32768 * (0.08 * voice * syllables + 0.003 * noise)).astype("<i2")
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spec.sample_rate_hz)
        file.writeframes(samples.tobytes())
    return data.getvalue()
