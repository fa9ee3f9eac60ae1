"""Wiring of perception and fusion as the configuration asks for it; no threads here."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, cast

import cv2

from edge.config import Config
from edge.fuse import EmotionFuser
from edge.perceive.accelerate import Choice, Wanted, open_model
from edge.perceive.detector import HaarDetector
from edge.perceive.face import FacePerception
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

    def fuse(self, observations: list[FaceObservation] | list[SpeechObservation], now_ns: int) -> list[EmotionEvent]:
        """The events that follow from these observations, then from time passing until `now_ns`."""
        events: list[EmotionEvent] = []
        for observation in observations:
            events += self.fuser.observe(observation)
        return events + self.fuser.advance(now_ns)

    def adopt(self, config: Config) -> None:
        """Perceive by the thresholds of `config` from now on; any thread. Fusion is told by the thread that owns it."""
        if self.face:
            self.face.adopt(config.face, HaarDetector(config.face.smallest_px, config.face.neighbors))
        if self.speech:
            self.speech.adopt(config.speech)


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """Verified models, ready to run, and what is told of each; None for a sense that is off. They remember nothing."""

    face: tuple[Model, ModelInfo] | None
    speech: tuple[Model, ModelInfo] | None


def load_models(config: Config, remembered: Remembered | None = None) -> LoadedModels:
    """Load and verify every model that the configuration needs, each where it runs best.

    Args:
        remembered: where the choice of an accelerator outlives a restart.

    Raises:
        ModelError: one of them is missing, damaged, or not what it should be.
    """

    def loaded(name: str, task: Task) -> tuple[Model, ModelInfo]:
        model, choice = load_model(name, task, config, remembered)
        return model, _info(model.package, choice)

    return LoadedModels(
        loaded(config.face.model, "face") if config.camera.enabled else None,
        loaded(config.speech.model, "speech") if config.microphone.enabled else None,
    )


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
    face = speech = None
    models = []
    if config.camera.enabled and loaded.face:
        model, info = loaded.face
        face = FacePerception(config.face, HaarDetector(config.face.smallest_px, config.face.neighbors), model)
        models.append(info)
    if config.microphone.enabled and loaded.speech:
        model, info = loaded.speech
        voice = ACTIVITIES[config.speech.voice_activity](config.speech.quiet_dbfs)
        speech = SpeechPerception(config.speech, voice, model)
        models.append(info)
    return Pipeline(face, speech, EmotionFuser(config.fusion), models)


def modalities(config: Config) -> list[Modality]:
    """The senses that the configuration switches on."""
    enabled = {"face": config.camera.enabled, "speech": config.microphone.enabled}
    return [cast(Modality, name) for name, on in enabled.items() if on]


def load_model(name: str, task: Task, config: Config, remembered: Remembered | None = None) -> tuple[Model, Choice]:
    """The package `name` for `task`, loaded where [inference] says.

    Raises:
        ModelError: it is missing, damaged, or not what it should be.
    """
    inference = config.inference
    wanted = Wanted(cast(Any, inference.accelerator_of(task)), inference.threads, inference.delegate, inference.options)
    model, choice = open_model(load_package(find_package(name), task), wanted, remembered)
    _LOG.info("%s: runs on the accelerator %r (%s)", model.package.name, choice.accelerator, choice.reason)
    return model, choice


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
