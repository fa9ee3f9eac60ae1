"""Words: does their sentiment agree with what a person says of these sentences?"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from edge.perceive.sentiment import NEUTRAL_BELOW, VaderSentiment, emotions_of
from edge.records import EMOTIONS

SENTENCES = Path(__file__).with_name("sentences.csv")


def test_it_agrees_with_a_person_on_nine_of_ten_sentences():
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 60
    sentiment = VaderSentiment()

    def word(sentence: str) -> str:
        valence = sentiment.valence(sentence)
        return "neutral" if abs(valence) < NEUTRAL_BELOW else "good" if valence > 0 else "bad"

    wrong = [row["sentence"] for row in rows if word(row["sentence"]) != row["label"]]
    assert len(wrong) <= 0.1 * len(rows), wrong


@pytest.mark.parametrize("valence", [-1.0, -0.4, 0.0, 0.4, 1.0])
def test_words_move_valence_and_never_make_an_emotion_impossible(valence: float):
    said = dict(zip(EMOTIONS, emotions_of(valence).tolist(), strict=True))
    assert sum(said.values()) == pytest.approx(1, abs=1e-6)
    assert min(said.values()) > 0.04
    unpleasant = {said[emotion] for emotion in ("angry", "disgust", "fear", "sad")}
    assert len(unpleasant) == 1
    assert np.sign(said["happy"] - unpleasant.pop()) == np.sign(valence)
