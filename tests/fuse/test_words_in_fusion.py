"""Words beside face and voice: they come late, count by what they say, and keep nobody here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.config import FusionConfig
from edge.fuse import VOICE, EmotionFuser
from edge.fuse.pooling import agreement
from edge.records import EMOTIONS, Box, FaceObservation, SpeechObservation, TextObservation

MS = 1_000_000
QUICK = FusionConfig(smoothing_ms=0, dwell_ms=0, absent_ms=1000, text_fade_ms=2000)


def sure(emotion: str, p: float = 0.7) -> np.ndarray:
    rest = (1 - p) / (len(EMOTIONS) - 1)
    return np.array([p if name == emotion else rest for name in EMOTIONS], np.float32)


def face(emotion: str, at_ms: int, p: float = 0.7) -> FaceObservation:
    return FaceObservation(1, Box(0, 0, 90, 90), 0.9, 1.0, sure(emotion, p), at_ms * MS)


def voice(emotion: str, at_ms: int) -> SpeechObservation:
    return SpeechObservation(0.8, 1.0, sure(emotion), (at_ms - 3000) * MS, at_ms * MS)


def words(emotion: str, at_ms: int, quality: float = 1.0) -> TextObservation:
    return TextObservation(quality, sure(emotion), at_ms * MS)


def test_words_of_three_seconds_ago_still_count_and_fade():
    fuser = EmotionFuser(QUICK)
    fuser.observe(face("neutral", 3000, p=0.4))
    fuser.observe(words("happy", 0))
    estimate = fuser.estimate()
    assert set(estimate.modalities) == {"face", "text"}
    early = estimate.modalities["text"].weight
    for at_ms in range(3100, 4000, 100):
        fuser.observe(face("neutral", at_ms, p=0.4))
    late = fuser.estimate()
    assert 0 < late.modalities["text"].weight < early
    for at_ms in range(4000, 5000, 100):
        fuser.observe(face("neutral", at_ms, p=0.4))
    gone = fuser.estimate()
    assert set(gone.modalities) == {"face"}


def test_words_that_say_nothing_change_nothing():
    fuser = EmotionFuser(QUICK)
    assert fuser.observe(words("happy", 0, quality=0.0)) == []
    assert (fuser.people, fuser.estimate()) == (0, None)


def test_words_alone_are_a_voice_that_leaves_with_it():
    fuser = EmotionFuser(QUICK)
    assert fuser.observe(words("happy", 0))[0].type == "presence.start"
    estimate = fuser.estimate()
    assert estimate.subject == VOICE
    assert [event.type for event in fuser.advance(1001 * MS)][-1] == "presence.end"
    assert fuser.observe(words("happy", 1001 - 1500)) == []  # nobody is here that they could be of


@pytest.mark.parametrize("strategy", ["log_linear", "average", "max", "learned"])
def test_every_strategy_hears_them(strategy: str):
    def learned(face, speech):
        return (face.probabilities + speech.probabilities) / 2

    config = replace(QUICK, strategy=strategy)
    without, fuser = (EmotionFuser(config, learned if strategy == "learned" else None) for _ in range(2))
    for each in (without, fuser):
        each.observe(voice("neutral", 0))
        each.observe(face("neutral", 0))
    before = without.estimate()
    fuser.observe(words("happy", 0))
    after = fuser.estimate()
    assert after.probabilities["happy"] > before.probabilities["happy"]
    assert sum(after.probabilities.values()) == pytest.approx(1)
    assert sum(part.weight for part in after.modalities.values()) == pytest.approx(1)


def test_agreement_is_the_mean_of_the_pairs():
    fuser = EmotionFuser(QUICK)
    for observation in (face("happy", 0), voice("happy", 0), words("sad", 0)):
        fuser.observe(observation)
    estimate = fuser.estimate()
    apart = agreement(sure("happy"), sure("sad"))
    assert estimate.agreement == pytest.approx((1 + 2 * apart) / 3)
