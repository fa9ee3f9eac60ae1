"""Wiring of perception and fusion as the configuration asks for it; no threads here."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import cv2

from edge.config import Config
from edge.fuse import EmotionFuser
from edge.perceive.accelerate import Choice, Wanted, open_detector, open_model
from edge.perceive.detector import CellDetector
from edge.perceive.face import FacePerception
from edge.perceive.late_fusion import LearnedFusion
from edge.perceive.package import ModelPackage, Task, find_package, load_package
from edge.perceive.recognition import open_recognizer
from edge.perceive.runtime import Model
from edge.perceive.sentiment import VaderSentiment
from edge.perceive.speech import SpeechPerception
from edge.perceive.vad import ACTIVITIES
from edge.perceive.words import Utterance, Words
from edge.records import AudioChunk, EmotionEvent, Modality, ModelInfo, Observation, SpeechObservation
from edge.remembered import Remembered

_LOG = logging.getLogger(__name__)

# Numbers of six digits at most can still be read; a recording's are far below.
_LEAST_TRACK, _TRACKS = 1000, 900_000


@dataclass(slots=True)
class Pipeline:
    """The perception of each enabled sense (None for one that is off), the fusion, and what is told of the models."""

    face: FacePerception | None
    speech: SpeechPerception | None
    fuser: EmotionFuser
    models: list[ModelInfo]
    detector: CellDetector | None = None
    words: Words | None = None

    def hear(self, chunk: AudioChunk) -> tuple[SpeechObservation | None, Utterance | None]:
        """What the voice sounds like, and the utterance that ends in this chunk, if its words are to be judged."""
        if self.speech is None:
            return None, None
        observation = self.speech.observe(chunk)
        return observation, self._of_a_voice(self.words.hear(chunk, self.speech.spoken) if self.words else None)

    def listen(self, chunk: AudioChunk) -> list[Observation]:
        """As `hear`, and the words are recognised at once: for recordings, whose time waits."""
        heard, utterance = self.hear(chunk)
        return [*([heard] if heard else []), *self.understood(utterance)]

    def finish(self) -> list[Observation]:
        """The sound of a recording has ended: what was said last."""
        return self.understood(self.last_words())

    def last_words(self) -> Utterance | None:
        """No more sound comes: the utterance that was begun, if it is one."""
        return self._of_a_voice(self.words.finish() if self.words else None)

    def understood(self, utterance: Utterance | None) -> list[Observation]:
        """What its words say; takes as long as recognition needs."""
        said = self.words.understand(utterance) if self.words and utterance else None
        return [said] if said else []

    def fuse(self, observations: Sequence[Observation], now_ns: int) -> list[EmotionEvent]:
        """The events that follow from these observations, then from time passing until `now_ns`."""
        events: list[EmotionEvent] = []
        for observation in observations:
            events += self.fuser.observe(observation)
        return events + self.fuser.advance(now_ns)

    def _of_a_voice(self, utterance: Utterance | None) -> Utterance | None:
        """None for noise: a recognizer hears words in that too."""
        return utterance if utterance and self.speech and self.speech.confirmed() else None

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


def build_pipeline(
    config: Config, remembered: Remembered | None = None, loaded: LoadedModels | None = None, first_track: int = 1
) -> Pipeline:
    """A pipeline that has seen and heard nothing yet.

    Args:
        remembered: as in `load_models`.
        loaded: models to use instead of loading what `config` names; a sense without one stays off.
        first_track: as in `FacePerception`.

    Raises:
        ModelError: as `load_models`.
        ConfigError: as `build_words`.
    """
    loaded = loaded or load_models(config, remembered)
    cv2.setNumThreads(config.inference.threads)
    face = speech = detector = None
    models: list[ModelInfo] = []
    if config.camera.enabled and loaded.face and loaded.detector:
        model, info = loaded.face
        detector, found = loaded.detector
        detector.adopt(config.face.detection_score or None, config.face.smallest_px)
        face = FacePerception(config.face, detector, model, first_track)
        models += [info, found]
    if config.microphone.enabled and loaded.speech:
        model, info = loaded.speech
        voice = ACTIVITIES[config.speech.voice_activity](config.speech.quiet_dbfs)
        speech = SpeechPerception(config.speech, voice, model)
        models.append(info)
    words = build_words(config)
    if loaded.fusion:
        model, info = loaded.fusion
        models.append(info)
        fuser = EmotionFuser(config.fusion, LearnedFusion(model))
    else:
        # With one sense there is nothing to learn of the other: its word is passed on.
        learned = config.fusion.strategy == "learned"
        fuser = EmotionFuser(replace(config.fusion, strategy="log_linear") if learned else config.fusion)
    return Pipeline(face, speech, fuser, models, detector, words)


def first_track(*, recording: bool) -> int:
    """The number of the first face. Of people it is made up anew at each start: then no number tells that somebody was
    here before, or how many have come. A recording tells the same story every time."""
    return 1 if recording else _LEAST_TRACK + secrets.randbelow(_TRACKS)


def build_words(config: Config) -> Words | None:
    """The third sense, if it is switched on.

    Raises:
        ConfigError: what it needs is not installed, or its model is not there.
    """
    text = config.text
    if not text.enabled or not (text.source == "hub" or config.microphone.enabled):
        return None
    recognizer = open_recognizer(text.source, config.inference.threads)
    return Words(recognizer, VaderSentiment(), tell=text.publish_words)


def modalities(config: Config) -> list[Modality]:
    """The senses that the configuration switches on."""
    enabled = {"face": config.camera.enabled, "speech": config.microphone.enabled, "text": config.text.enabled}
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
