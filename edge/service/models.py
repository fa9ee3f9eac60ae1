"""Which models a configuration needs, loaded and verified; what is told of each."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, cast

import cv2

from edge.config import Config
from edge.perceive.accelerate import Choice, Wanted, open_detector, open_model
from edge.perceive.detector import CellDetector
from edge.perceive.face import FacePerception
from edge.perceive.package import ModelPackage, Task, find_package, load_package
from edge.perceive.runtime import Model
from edge.records import ModelInfo
from edge.remembered import Remembered

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """Verified models, ready to run, and what is told of each; None for what is off. They remember nothing."""

    face: tuple[Model, ModelInfo] | None
    speech: tuple[Model, ModelInfo] | None
    fusion: tuple[Model, ModelInfo] | None = None
    detector: tuple[CellDetector, ModelInfo] | None = None


def wanted_models(config: Config) -> list[tuple[Task, str]]:
    """Task and package of every model that `config` needs; a learned fusion only where there is anything to fuse."""
    face, speech = config.camera.enabled, config.microphone.enabled
    wanted: list[tuple[Task, str, bool]] = [
        ("detector", config.face.detector, face),
        ("face", config.face.model, face),
        ("speech", config.speech.model, speech),
        ("fusion", config.fusion.model, config.fusion.strategy == "learned" and face and speech),
    ]
    return [(task, name) for task, name, needed in wanted if needed]


def load_models(config: Config, remembered: Remembered | None = None) -> LoadedModels:
    """Load and verify every model that the configuration needs, each where it runs best.

    Args:
        remembered: where the choice of an accelerator outlives a restart.

    Raises:
        ModelError: one of them is missing, damaged, or not what it should be.
    """

    loaded: dict[str, tuple[Model, ModelInfo]] = {}
    detector: tuple[CellDetector, ModelInfo] | None = None
    for task, name in wanted_models(config):
        model, choice = load_any(name, task, config, remembered)
        info = _info(model.package, choice)
        if isinstance(model, CellDetector):
            detector = model, info
        else:
            loaded[task] = model, info
    return LoadedModels(loaded.get("face"), loaded.get("speech"), loaded.get("fusion"), detector)


def build_face(config: Config, loaded: LoadedModels, first_track: int = 1) -> FacePerception | None:
    """The perception of faces, by `config`, that has seen nothing yet; None where it is off.

    Args:
        first_track: as in `FacePerception`.
    """
    cv2.setNumThreads(config.inference.threads)
    if not config.camera.enabled or not loaded.face or not loaded.detector:
        return None
    detector = loaded.detector[0]
    detector.adopt(config.face.detection_score or None, config.face.smallest_px)
    return FacePerception(config.face, detector, loaded.face[0], first_track)


def load_model(name: str, task: Task, config: Config, remembered: Remembered | None = None) -> tuple[Model, Choice]:
    """The package `name` for `task`, loaded where [inference] says.

    Raises:
        ModelError: it is missing, damaged, or not what it should be.
    """
    model, choice = open_model(load_package(find_package(name), task), _wanted(task, config), remembered)
    _tell(model.package, choice)
    return model, choice


def load_detector(name: str, config: Config, remembered: Remembered | None = None) -> tuple[CellDetector, Choice]:
    """The package `name`, a face detector, loaded where [inference] says.

    Raises:
        ModelError: it is missing, damaged, or not what it should be.
    """
    package = load_package(find_package(name), "detector")
    detector, choice = open_detector(package, _wanted("detector", config), remembered)
    _tell(package, choice)
    return detector, choice


def load_any(
    name: str, task: Task, config: Config, remembered: Remembered | None = None
) -> tuple[Model | CellDetector, Choice]:
    """The package `name` for `task`, whichever that is, loaded where [inference] says.

    Raises:
        ModelError: it is missing, damaged, or not what it should be.
    """
    if task == "detector":
        return load_detector(name, config, remembered)
    return load_model(name, task, config, remembered)


def _wanted(task: Task, config: Config) -> Wanted:
    inference = config.inference
    return Wanted(cast(Any, inference.accelerator_of(task)), inference.threads, inference.delegate, inference.options)


def _tell(package: ModelPackage, choice: Choice) -> None:
    _LOG.info("%s: runs on the accelerator %r (%s)", package.name, choice.accelerator, choice.reason)


def _info(package: ModelPackage, choice: Choice) -> ModelInfo:
    return ModelInfo(
        task=package.task,
        name=package.name,
        version=package.version,
        sha256=package.sha256,
        licence=package.licence,
        metrics=package.metrics,
        accelerator=choice.accelerator,
        accelerator_reason=choice.reason,
    )
