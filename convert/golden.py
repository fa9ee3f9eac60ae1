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

from edge.errors import ConfigError
from edge.perceive.features import FaceInput, SpeechInput
from edge.perceive.fusion_input import FusionInput
from edge.perceive.golden import golden_features
from edge.perceive.package import Task, load_package
from edge.perceive.runtime import Model
from edge.records import EMOTIONS

_SEED = 11
_BOX = (22, 13, 61, 58)  # odd sides and an odd place: rounding counts too


def golden_vectors(model: Model) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What model.json says of them under ``golden``, and the files by name; the same model gives the same bytes.

    Args:
        model: on the CPU.
    """
    spec = model.package.input
    if isinstance(spec, FusionInput):
        raise ConfigError("golden vectors are of faces and sounds; a fusion has none.")
    name, content = ("golden.png", _picture()) if isinstance(spec, FaceInput) else ("golden.wav", _sound(spec))
    told: dict[str, Any] = {"input": name, "features": "golden.npy"}
    if isinstance(spec, FaceInput):
        told["box"] = list(_BOX)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        features = golden_features(path, spec, told.get("box"))
    array = io.BytesIO()
    np.save(array, features)
    answer = model.probabilities(features)
    told["probabilities"] = {emotion: round(float(p), 5) for emotion, p in zip(EMOTIONS, answer, strict=True)}
    return told, {name: content, "golden.npy": array.getvalue()}


def add_golden(folder: Path, task: Task) -> None:
    """Put golden vectors into the package `folder`, which has none or old ones; nothing else of it changes.

    Raises:
        ModelError: it is no good package.
    """
    golden, files = golden_vectors(Model(load_package(folder, task)))
    path = folder / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    for name, content in files.items():
        (folder / name).write_bytes(content)
        description["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    description["golden"] = golden
    path.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _picture() -> bytes:
    """Soft blots of colour, 112 x 84: every channel differs from the others everywhere."""
    rng = np.random.default_rng(_SEED)
    coarse = rng.integers(0, 256, (7, 9, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (112, 84), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".png", smooth)[1])


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
