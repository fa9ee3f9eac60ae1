"""Wiring of perception and fusion as the configuration asks for it; no threads here."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, cast

import cv2

from edge.config import Config
from edge.fuse import EmotionFuser
from edge.perceive import haar
from edge.perceive.accelerate import Choice, Wanted, open_detector, open_model
from edge.perceive.detector import CellDetector, FaceDetector
from edge.perceive.face import FacePerception
from edge.perceive.late_fusion import LearnedFusion
from edge.perceive.package import ModelPackage, Task, find_package, load_package
from edge.perceive.runtime import Model
from edge.perceive.speech import SpeechPerception
from edge.perceive.vad import ACTIVITIES
from edge.records import EmotionEvent, FaceObservation, Modality, ModelInfo, SpeechObservation
from edge.remembered import Remembered

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Pipeline:
    """The perception of each enabled sense (None for one that is off), the fusion, and what is told of the models."""

    face: FacePerception | None
    speech: SpeechPerception | None
    fuser: EmotionFuser
    models: list[ModelInfo]
    detector: FaceDetector | None = None

    def fuse(self, observations: list[FaceObservation] | list[SpeechObservation], now_ns: int) -> list[EmotionEvent]:
        """The events that follow from these observations, then from time passing until `now_ns`."""
        events: list[EmotionEvent] = []
        for observation in observations:
            events += self.fuser.observe(observation)
        return events + self.fuser.advance(now_ns)

    def adopt(self, config: Config) -> None:
        """Perceive by the thresholds of `config` from now on; any thread. Fusion is told by the thread that owns it."""
        if self.face:
            self.face.adopt(config.face)
        if self.detector:
            self.detector.adopt(config.face.detection_score or None, config.face.smallest_px)
        if self.speech:
            self.speech.adopt(config.speech)


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """Verified models, ready to run, and what is told of each; None for what is off. They remember nothing."""

    face: tuple[Model, ModelInfo] | None
    speech: tuple[Model, ModelInfo] | None
    fusion: tuple[Model, ModelInfo] | None = None
    detector: tuple[FaceDetector, ModelInfo | None] | None = None


def wanted_models(config: Config) -> list[tuple[Task, str]]:
    """Task and package of every model that `config` needs; a learned fusion only where there is anything to fuse.

    OpenCV's cascade is no package.
    """
    face, speech = config.camera.enabled, config.microphone.enabled
    wanted: list[tuple[Task, str, bool]] = [
        ("detector", config.face.detector, face and config.face.detector != haar.NAME),
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
    detector: tuple[FaceDetector, ModelInfo | None] | None = None
    if config.camera.enabled and config.face.detector == haar.NAME:
        detector = haar.HaarDetector(), None
    for task, name in wanted_models(config):
        model, choice = load_any(name, task, config, remembered)
        info = _info(model.package, choice)
        if isinstance(model, CellDetector):
            detector = model, info
        else:
            loaded[task] = model, info
    return LoadedModels(loaded.get("face"), loaded.get("speech"), loaded.get("fusion"), detector)


def build_pipeline(
    config: Config, remembered: Remembered | None = None, loaded: LoadedModels | None = None
) -> Pipeline:
    """A pipeline that has seen and heard nothing yet.

    Args:
        remembered: as in `load_models`.
        loaded: models to use instead of loading what `config` names; a sense without one stays off.

    Raises:
        ModelError: as `load_models`.
    """
    loaded = loaded or load_models(config, remembered)
    cv2.setNumThreads(config.inference.threads)
    face = speech = detector = None
    models = []
    if config.camera.enabled and loaded.face and loaded.detector:
        model, info = loaded.face
        detector, found = loaded.detector
        detector.adopt(config.face.detection_score or None, config.face.smallest_px)
        face = FacePerception(config.face, detector, model)
        models += [info, found] if found else [info]
    if config.microphone.enabled and loaded.speech:
        model, info = loaded.speech
        voice = ACTIVITIES[config.speech.voice_activity](config.speech.quiet_dbfs)
        speech = SpeechPerception(config.speech, voice, model)
        models.append(info)
    if loaded.fusion:
        model, info = loaded.fusion
        models.append(info)
        return Pipeline(face, speech, EmotionFuser(config.fusion, LearnedFusion(model)), models, detector)
    # With one sense there is nothing to learn of the other: its word is passed on.
    rules = config.fusion if config.fusion.strategy != "learned" else replace(config.fusion, strategy="log_linear")
    return Pipeline(face, speech, EmotionFuser(rules), models, detector)


def modalities(config: Config) -> list[Modality]:
    """The senses that the configuration switches on."""
    enabled = {"face": config.camera.enabled, "speech": config.microphone.enabled}
    return [cast(Modality, name) for name, on in enabled.items() if on]


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
