from __future__ import annotations

import numpy as np
import pytest

from edge.perceive.labels import KNOWN, NO_SPEECH, emotion_matrix, emotion_of
from edge.records import EMOTIONS


@pytest.mark.parametrize(
    ("label", "emotion"),
    [("anger", "angry"), ("calm", "neutral"), ("sad", "sad"), ("contempt", None), (NO_SPEECH, None), ("bored", None)],
)
def test_other_words_mean_the_same_emotions(label: str, emotion: str | None):
    assert emotion_of(label) == emotion


def test_probabilities_of_one_emotion_by_two_words_are_added_and_others_left_out():
    matrix = emotion_matrix(("neutral", "calm", "contempt", "joy"))
    told = dict(zip(EMOTIONS, np.array([0.1, 0.2, 0.3, 0.4], np.float32) @ matrix, strict=True))
    assert told["neutral"] == pytest.approx(0.3)
    assert told["happy"] == pytest.approx(0.4)
    assert sum(told.values()) == pytest.approx(0.7)


def test_a_word_that_nobody_knows_is_an_error_in_a_matrix():
    assert "bored" not in KNOWN
    with pytest.raises(ValueError, match="not in tuple"):
        emotion_matrix(("happy", "bored"))
