"""Wiring of perception and fusion as the configuration asks for it; no threads here."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from edge.config import Config
from edge.fuse import EmotionFuser
from edge.perceive.detector import CellDetector
from edge.perceive.face import FacePerception
from edge.perceive.late_fusion import LearnedFusion
from edge.perceive.recognition import open_recognizer
from edge.perceive.sentiment import VaderSentiment
from edge.perceive.speech import SpeechPerception
from edge.perceive.vad import ACTIVITIES
from edge.perceive.words import Utterance, Words
from edge.records import AudioChunk, EmotionEvent, Modality, ModelInfo, Observation, SpeechObservation
from edge.remembered import Remembered
from edge.service.models import LoadedModels, build_face, load_models

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
    face = build_face(config, loaded, first_track)
    speech = detector = None
    models: list[ModelInfo] = []
    if face and loaded.face and loaded.detector:
        detector = loaded.detector[0]
        models += [loaded.face[1], loaded.detector[1]]
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
