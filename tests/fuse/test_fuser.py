"""Subjects come, feel and leave: what a hub is told of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import FusionConfig
from edge.fuse import VOICE, EmotionFuser
from edge.records import EMOTIONS, Box, FaceObservation, SpeechObservation

MS = 1_000_000
QUICK = FusionConfig(smoothing_ms=0, dwell_ms=0, absent_ms=1000)


def sure(emotion: str, p: float = 0.9) -> np.ndarray:
    rest = (1 - p) / (len(EMOTIONS) - 1)
    return np.array([p if name == emotion else rest for name in EMOTIONS], np.float32)


def face(emotion: str, at_ms: int, track: int = 1, side: float = 100, quality: float = 1.0) -> FaceObservation:
    return FaceObservation(track, Box(0, 0, side, side), 0.9, quality, sure(emotion), at_ms * MS)


def speech(emotion: str, at_ms: int, quality: float = 1.0) -> SpeechObservation:
    return SpeechObservation(0.8, quality, sure(emotion), (at_ms - 3000) * MS, at_ms * MS)


def told(events):
    return [(event.type, event.estimate.subject, event.estimate.emotion, event.previous) for event in events]


def test_a_face_comes_changes_and_leaves():
    fuser = EmotionFuser(QUICK)
    assert told(fuser.observe(face("happy", 0))) == [
        ("presence.start", "face-1", "happy", None),
        ("emotion.start", "face-1", "happy", "uncertain"),
    ]
    assert fuser.observe(face("happy", 500)) == []
    changed = fuser.observe(face("angry", 900))
    assert told(changed) == [("emotion.change", "face-1", "angry", "happy")]
    assert changed[0].duration_ms == 900
    assert fuser.people == 1
    assert fuser.advance(1900 * MS) == []
    left = fuser.advance(1901 * MS)
    assert told(left) == [
        ("emotion.end", "face-1", "uncertain", "angry"),
        ("presence.end", "face-1", "uncertain", None),
    ]
    assert left[1].duration_ms == 900
    assert (fuser.people, fuser.estimate()) == (0, None)


def test_both_senses_are_weighed_and_shown():
    fuser = EmotionFuser(replace(QUICK, face_weight=0.7, speech_weight=0.3))
    fuser.observe(face("happy", 0))
    fuser.observe(speech("happy", 0))
    estimate = fuser.estimate()
    assert estimate is not None
    assert {sense: round(e.weight, 6) for sense, e in estimate.modalities.items()} == {"face": 0.7, "speech": 0.3}
    assert estimate.agreement == pytest.approx(1)
    assert estimate.emotion == "happy"
    assert estimate.valence > 0.5


def test_a_stronger_sense_wins_a_quarrel_and_a_poor_one_loses_it():
    for face_quality, winner in ((1.0, "happy"), (0.1, "sad")):
        fuser = EmotionFuser(QUICK)
        fuser.observe(speech("sad", 0))
        fuser.observe(face("happy", 1, quality=face_quality))
        fuser.observe(speech("sad", 2))
        estimate = fuser.estimate()
        assert estimate is not None
        assert max(estimate.probabilities, key=estimate.probabilities.__getitem__) == winner


def test_poor_evidence_alone_stays_uncertain():
    fuser = EmotionFuser(QUICK)
    events = fuser.observe(face("happy", 0, quality=0.2))
    assert told(events) == [("presence.start", "face-1", "uncertain", None)]


def test_a_voice_without_a_face_is_a_subject_and_makes_way_for_a_face():
    fuser = EmotionFuser(QUICK)
    assert told(fuser.observe(speech("sad", 0)))[0] == ("presence.start", VOICE, "sad", None)
    assert fuser.people == 1
    fuser.observe(face("sad", 10))
    kinds = told(fuser.observe(speech("sad", 20)))
    assert ("presence.end", VOICE, "uncertain", None) in kinds
    assert fuser.people == 1
    estimate = fuser.estimate()
    assert estimate is not None
    assert set(estimate.modalities) == {"face", "speech"}


def test_a_face_that_left_takes_its_voice_along():
    fuser = EmotionFuser(QUICK)
    fuser.observe(face("happy", 0))
    fuser.observe(speech("happy", 900))
    events = told(fuser.observe(speech("happy", 1500)))
    assert ("presence.end", "face-1", "uncertain", None) in events
    assert ("presence.start", VOICE, "happy", None) in events


def test_among_several_faces_the_largest_speaks_with_less_weight():
    fuser = EmotionFuser(QUICK)
    fuser.observe(face("happy", 0, track=1, side=100))
    fuser.observe(face("sad", 0, track=2, side=200))
    fuser.observe(speech("sad", 0))
    estimate = fuser.estimate()
    assert estimate is not None
    assert (fuser.people, estimate.subject) == (2, "face-2")
    assert estimate.modalities["speech"].weight == pytest.approx(0.15 / 0.85)


def test_what_arrives_too_late_is_history():
    """After the machine was stopped for a while, a queue of old observations must not make people come and go."""
    fuser = EmotionFuser(QUICK)
    fuser.observe(face("happy", 0))
    gone = fuser.advance(10_000 * MS)
    assert [event.type for event in gone] == ["emotion.end", "presence.end"]
    for at_ms in range(5000, 9000, 500):
        assert fuser.observe(face("happy", at_ms, track=2)) == []
        assert fuser.observe(speech("sad", at_ms)) == []
    assert fuser.people == 0
    assert fuser.observe(face("happy", 9500, track=2)) != []


def test_a_voice_does_not_lengthen_the_stay_of_a_face():
    fuser = EmotionFuser(QUICK)
    for at_ms in (0, 500, 1000):
        fuser.observe(face("happy", at_ms))
    fuser.observe(speech("happy", 1900))
    left = fuser.advance(2001 * MS)
    assert [(event.type, event.duration_ms) for event in left] == [("emotion.end", 1000), ("presence.end", 1000)]


def test_the_end_lets_everybody_leave():
    fuser = EmotionFuser(QUICK)
    fuser.observe(face("happy", 0))
    assert [event.type for event in fuser.close()] == ["emotion.end", "presence.end"]
    assert fuser.close() == []


steps = st.lists(
    st.tuples(
        st.sampled_from(["face", "speech", "wait"]),
        st.sampled_from(EMOTIONS),
        st.integers(0, 700),  # milliseconds since the last step
        st.integers(1, 3),  # which face
        st.floats(0, 1),  # quality
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps)
def test_whatever_happens_the_story_of_each_subject_is_whole(history):
    """Start before change before end, no event twice, labels join up, numbers in range, and the same every time."""
    stories = []
    for _ in range(2):
        fuser, events, now = EmotionFuser(FusionConfig(smoothing_ms=100, dwell_ms=200, absent_ms=900)), [], 0
        for kind, emotion, pause, track, quality in history:
            now += pause
            if kind == "face":
                events += fuser.observe(face(emotion, now, track, 50.0 * track, quality))
            elif kind == "speech":
                events += fuser.observe(speech(emotion, now, quality))
            else:
                events += fuser.advance(now * MS)
        events += fuser.close()
        stories.append(told(events))
        labels: dict[str, str] = {}
        for event in events:
            estimate, subject = event.estimate, event.estimate.subject
            assert sum(estimate.probabilities.values()) == pytest.approx(1, abs=1e-5)
            assert sum(e.weight for e in estimate.modalities.values()) == pytest.approx(1) or not any(
                e.quality > 1e-9 for e in estimate.modalities.values()
            )
            assert event.duration_ms >= 0
            if event.type == "presence.start":
                assert subject not in labels
                labels[subject] = "uncertain"
            elif event.type == "presence.end":
                assert labels.pop(subject) == "uncertain"
            else:
                assert event.previous == labels[subject] != estimate.emotion
                labels[subject] = estimate.emotion
        assert labels == {}
    assert stories[0] == stories[1]


def test_a_muted_sense_is_forgotten_at_once():
    fuser = EmotionFuser(QUICK)
    fuser.observe(face("happy", 0))
    fuser.observe(speech("sad", 10))
    assert fuser.drop("speech") == []
    assert set(fuser.estimate().modalities) == {"face"}
    assert told(fuser.drop("face"))[-1] == ("presence.end", "face-1", "uncertain", None)
    assert fuser.people == 0


def test_a_muted_camera_takes_the_face_and_its_voice():
    fuser = EmotionFuser(QUICK)
    fuser.observe(face("happy", 0))
    fuser.observe(speech("happy", 10))
    assert [kind for kind, *_ in told(fuser.drop("face"))] == ["emotion.end", "presence.end"]


def test_new_thresholds_hold_for_whoever_is_there():
    fuser = EmotionFuser(QUICK)
    fuser.observe(face("happy", 0))
    assert fuser.adopt(replace(QUICK, uncertain_below=1.0, hysteresis=0.0)) == []
    assert told(fuser.observe(face("happy", 10))) == [("emotion.end", "face-1", "uncertain", "happy")]


def test_without_the_smoothing_so_far_the_next_observation_counts_alone():
    slow = replace(QUICK, smoothing_ms=60_000)
    kept, forgotten = EmotionFuser(slow), EmotionFuser(slow)
    for fuser in (kept, forgotten):
        fuser.observe(face("happy", 0))
    assert forgotten.forget_smoothing() == []
    assert kept.observe(face("angry", 100)) == []
    assert told(forgotten.observe(face("angry", 100))) == [("emotion.change", "face-1", "angry", "happy")]


def test_the_strategy_decides_how_senses_are_pooled():
    for strategy in ("log_linear", "average", "max"):
        fuser = EmotionFuser(replace(QUICK, strategy=strategy))
        fuser.observe(face("happy", 0))
        fuser.observe(speech("happy", 0))
        assert fuser.estimate().emotion == "happy"


def test_a_learned_fusion_is_asked_about_two_senses_and_only_then():
    asked = []

    def learned(seen, heard):
        asked.append((seen, heard))
        return np.eye(7)[EMOTIONS.index("disgust")]

    fuser = EmotionFuser(replace(QUICK, strategy="learned"), learned)
    fuser.observe(face("happy", 0))
    assert asked == []
    fuser.observe(speech("sad", 200))
    ((seen, heard),) = asked
    assert EMOTIONS[int(seen.probabilities.argmax())] == "happy"
    assert (seen.age_ms, heard.age_ms) == (200, 0)
    assert EMOTIONS[int(heard.probabilities.argmax())] == "sad"
    with pytest.raises(ValueError, match="needs a trained fusion"):
        EmotionFuser(replace(QUICK, strategy="learned"))
