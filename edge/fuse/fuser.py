"""Late fusion: observations of both senses -> one estimate and a stream of events for each subject.

Pure and deterministic: no clock, no I/O; time comes in with the observations and with `advance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from edge.config import FusionConfig
from edge.fuse.pooling import POOLS, agreement, faded, valence_arousal
from edge.fuse.stable import StableEmotion
from edge.records import (
    EMOTIONS,
    UNCERTAIN,
    EmotionEstimate,
    EmotionEvent,
    EventType,
    Evidence,
    FaceObservation,
    Modality,
    Observation,
    Sensed,
    SpeechObservation,
    modality_of,
)

#: A trained fusion: what face and voice said -> probabilities float [K] over EMOTIONS.
Learned = Callable[[Sensed | None, Sensed | None], NDArray[np.floating]]
#: The subject of a voice while no face is seen.
VOICE = "voice"


@dataclass(slots=True, eq=False)
class _Heard:
    """What one sense said last of a subject."""

    probabilities: NDArray[np.float32]
    quality: float
    observed_ns: int


@dataclass(slots=True, eq=False)
class _Subject:
    name: str
    emotion: StableEmotion
    first_ns: int
    last_ns: int
    area: float
    senses: dict[Modality, _Heard]
    announced: bool = False


class EmotionFuser:
    """Fuses what is seen and heard.

    Every tracked face is a subject. A voice and its words belong to the largest face in view, since one microphone
    cannot tell who speaks: with n faces their weight is divided by n. Without a face they are a subject of its own,
    ``voice``. Words come late, once they are recognised, and count for longer; they keep nobody here.

    Args:
        learned: what fuses two senses by the strategy ``learned``. A sense alone is passed on by the rule.
    """

    def __init__(self, config: FusionConfig, learned: Learned | None = None) -> None:
        if config.strategy == "learned" and learned is None:
            raise ValueError("the strategy 'learned' needs a trained fusion")
        self._learned = learned if config.strategy == "learned" else None
        self._pool_rule = POOLS.get(config.strategy, POOLS["log_linear"])
        self._config = config
        self._subjects: dict[str, _Subject] = {}
        self._events: list[EmotionEvent] = []
        self._now_ns = 0

    def observe(self, observation: Observation) -> list[EmotionEvent]:
        """Take one observation; the events that follow from it and from the time that passed until it.

        An observation older than what is already known does not turn time back; one so old that its subject would
        have left by now (a machine that was stopped, a queue that was long) is history, and changes nothing. Nor do
        words that say nothing of an emotion.
        """
        sense, observed_ns = modality_of(observation), _observed_ns(observation)
        self._forget(max(self._now_ns, observed_ns))
        if self._now_ns - observed_ns > self._kept_ns(sense) or (sense == "text" and observation.quality == 0):
            return self._take_events()
        heard = _Heard(observation.probabilities, observation.quality, observed_ns)
        if isinstance(observation, FaceObservation):
            box = observation.box
            self._update(f"face-{observation.track_id}", box.width * box.height, sense, heard)
        elif primary := self._primary():
            self._update(primary.name, primary.area, sense, heard)
        elif VOICE in self._subjects or self._now_ns - observed_ns <= self._kept_ns("speech"):
            self._update(VOICE, 0.0, sense, heard)
        return self._take_events()

    def advance(self, now_ns: int) -> list[EmotionEvent]:
        """Let time pass without an observation; the events of subjects that have been absent for too long."""
        self._forget(max(self._now_ns, now_ns))
        return self._take_events()

    def adopt(self, config: FusionConfig) -> list[EmotionEvent]:
        """Fuse by `config` from now on; the events of subjects that by it have been absent for too long."""
        self._config = config
        for subject in self._subjects.values():
            subject.emotion.adopt(config)
        return self.advance(self._now_ns)

    def forget_smoothing(self) -> list[EmotionEvent]:
        """What was smoothed so far counts no more: each subject's next observation counts alone. No events."""
        for subject in self._subjects.values():
            subject.emotion.forget()
        return self._take_events()

    def drop(self, sense: Modality) -> list[EmotionEvent]:
        """This sense is muted: forget at once what it said; the events of subjects that were known by it alone."""
        for subject in list(self._subjects.values()):
            if subject.senses.pop(sense, None) and not subject.senses:
                self._end(subject)
        self._forget(self._now_ns)
        return self._take_events()

    def close(self) -> list[EmotionEvent]:
        """Every subject leaves: at the end, or to begin anew."""
        for subject in list(self._subjects.values()):
            self._end(subject)
        return self._take_events()

    @property
    def people(self) -> int:
        """How many faces are in view, or 1 for a voice without a face."""
        faces = sum("face" in subject.senses for subject in self._subjects.values())
        return faces or len(self._subjects)

    def estimate(self) -> EmotionEstimate | None:
        """The present estimate of the primary subject (the largest face, else the voice), None if nobody is there."""
        subject = self._primary() or self._subjects.get(VOICE)
        return self._estimate(subject) if subject else None

    def _update(self, name: str, area: float, sense: Modality, heard: _Heard) -> None:
        subject = self._subjects.get(name)
        if subject is None:
            subject = _Subject(name, StableEmotion(self._config), self._now_ns, self._now_ns, area, {})
            self._subjects[name] = subject
        subject.senses[sense] = heard
        subject.area = area
        if sense == "face" or name == VOICE:  # a voice does not keep a face here that nobody sees any more
            subject.last_ns = self._now_ns
        previous, since_ns = subject.emotion.label, subject.emotion.since_ns
        changed = subject.emotion.update(self._pool(subject), self._now_ns)
        if not subject.announced:
            subject.announced = True
            self._tell("presence.start", subject, None, 0)
            since_ns = subject.emotion.since_ns
        if not changed:
            return
        lasted_ns = subject.emotion.since_ns - since_ns
        if previous == UNCERTAIN:
            self._tell("emotion.start", subject, previous, lasted_ns)
        elif subject.emotion.label == UNCERTAIN:
            self._tell("emotion.end", subject, previous, lasted_ns)
        else:
            self._tell("emotion.change", subject, previous, lasted_ns)

    def _weights(self, subject: _Subject) -> tuple[dict[Modality, float], float]:
        """Each sense's weight (base weight x quality x fading) and the trust in the best of them, in [0, 1]."""
        config = self._config
        base = {"face": config.face_weight, "speech": config.speech_weight, "text": config.text_weight}
        fade = {"face": config.face_fade_ms, "speech": config.speech_fade_ms, "text": config.text_fade_ms}
        trusts = {
            sense: heard.quality * faded(self._now_ns - heard.observed_ns, fade[sense])
            for sense, heard in subject.senses.items()
        }
        sharing = max(1, self.people) if "face" in subject.senses else 1
        weights = {sense: trust * base[sense] / (1 if sense == "face" else sharing) for sense, trust in trusts.items()}
        trust = max((trust for sense, trust in trusts.items() if weights[sense] > 0), default=0.0)
        return weights, trust

    def _pool(self, subject: _Subject) -> NDArray[np.float64]:
        weights, trust = self._weights(subject)
        opinions = {sense: subject.senses[sense].probabilities for sense in weights}
        if self._learned and {"face", "speech"} <= opinions.keys():
            face, speech = self._sensed(subject, "face", 1), self._sensed(subject, "speech", max(1, self.people))
            learned = np.asarray(self._learned(face, speech), np.float32)
            if "text" not in opinions:
                return np.asarray(learned, np.float64)
            # It was not trained with words: they join what it says as they join one sense.
            opinions = {"face": learned, "text": opinions["text"]}
            weights = {"face": weights["face"] + weights["speech"], "text": weights["text"]}
        return self._pool_rule(list(opinions.values()), list(weights.values()), trust)

    def _sensed(self, subject: _Subject, sense: Modality, sharing: int) -> Sensed:
        heard = subject.senses[sense]
        return Sensed(heard.probabilities, heard.quality / sharing, (self._now_ns - heard.observed_ns) / 1e6)

    def _forget(self, now_ns: int) -> None:
        self._now_ns = now_ns
        for subject in list(self._subjects.values()):
            for sense, heard in list(subject.senses.items()):
                if now_ns - heard.observed_ns > self._kept_ns(sense):
                    del subject.senses[sense]
            # A face that left takes its voice along: what is heard from now on is a subject of its own.
            if (
                not subject.senses
                or (subject.name != VOICE and "face" not in subject.senses)
                or (subject.senses.keys() == {"text"} and now_ns - subject.last_ns > self._kept_ns("speech"))
            ):
                self._end(subject)
        if self._primary() and VOICE in self._subjects:
            self._end(self._subjects[VOICE])

    def _kept_ns(self, sense: Modality) -> int:
        """How old an observation may be and still count at all."""
        kept_ms = self._config.absent_ms
        if sense == "text":
            kept_ms = max(kept_ms, 2 * self._config.text_fade_ms)
        return kept_ms * 1_000_000

    def _end(self, subject: _Subject) -> None:
        emotion = subject.emotion
        if emotion.label != UNCERTAIN:
            previous, lasted_ns = emotion.label, subject.last_ns - emotion.since_ns
            emotion.label, emotion.since_ns = UNCERTAIN, subject.last_ns
            self._tell("emotion.end", subject, previous, lasted_ns)
        self._tell("presence.end", subject, None, subject.last_ns - subject.first_ns)
        del self._subjects[subject.name]

    def _primary(self) -> _Subject | None:
        faces = [subject for subject in self._subjects.values() if "face" in subject.senses]
        # A face that has not been seen for a moment makes way for one that is.
        return max(faces, key=lambda subject: subject.area * self._face_faded(subject), default=None)

    def _face_faded(self, subject: _Subject) -> float:
        return faded(self._now_ns - subject.senses["face"].observed_ns, self._config.face_fade_ms)

    def _tell(self, kind: EventType, subject: _Subject, previous: str | None, lasted_ns: int) -> None:
        estimate = self._estimate(subject)
        self._events.append(EmotionEvent(kind, estimate, previous, max(0, lasted_ns) // 1_000_000))

    def _take_events(self) -> list[EmotionEvent]:
        events, self._events = self._events, []
        return events

    def _estimate(self, subject: _Subject) -> EmotionEstimate:
        smoothed = subject.emotion.probabilities
        label = subject.emotion.label
        confidence = smoothed.max() if label == UNCERTAIN else smoothed[EMOTIONS.index(label)]
        valence, arousal = valence_arousal(smoothed)
        weights, _ = self._weights(subject)
        total = sum(weights.values())
        senses = subject.senses
        pairs = list(combinations((heard.probabilities for heard in senses.values()), 2))
        return EmotionEstimate(
            subject=subject.name,
            emotion=label,
            confidence=float(confidence),
            probabilities=_named(smoothed),
            valence=valence,
            arousal=arousal,
            agreement=sum(agreement(*pair) for pair in pairs) / len(pairs) if pairs else None,
            modalities={
                sense: Evidence(
                    weight=weights[sense] / total if total > 0 else 0.0,
                    quality=heard.quality,
                    observed_ns=heard.observed_ns,
                    probabilities=_named(heard.probabilities),
                )
                for sense, heard in senses.items()
            },
            start_ns=subject.emotion.since_ns,
            time_ns=self._now_ns,
        )


def _observed_ns(observation: Observation) -> int:
    if isinstance(observation, FaceObservation):
        return observation.captured_ns
    return observation.end_ns if isinstance(observation, SpeechObservation) else observation.said_ns


def _named(probabilities: NDArray[np.floating]) -> Mapping[str, float]:
    return {emotion: float(p) for emotion, p in zip(EMOTIONS, probabilities, strict=True)}
