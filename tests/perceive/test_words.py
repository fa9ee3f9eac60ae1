"""Utterances are cut out of the sound, and their words judged."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from edge.perceive.recognition import PocketSphinx, Recognizer, Transcript
from edge.perceive.sentiment import VaderSentiment
from edge.perceive.vad import CHUNK_SAMPLES, WebRtcActivity
from edge.perceive.words import Utterance, Words
from edge.records import EMOTIONS, AudioChunk

MS = 1_000_000
CHUNK_MS = 32


class NoRecognizer:
    """Utterances are cut without asking for their words."""

    def transcribe(self, samples: np.ndarray) -> Transcript:
        raise AssertionError("nobody asked")


@pytest.fixture(scope="module")
def sentiment() -> VaderSentiment:
    return VaderSentiment()


@pytest.fixture
def words(sentiment) -> Words:
    return Words(NoRecognizer(), sentiment)


def chunks(count: int, first: int = 0, level: float = 0.1) -> Iterator[AudioChunk]:
    for number in range(first, first + count):
        yield AudioChunk(np.full(CHUNK_SAMPLES, level, np.float32), 16_000, number * CHUNK_MS * MS)


def cut(words: Words, flags: list[bool], first: int = 0) -> list[Utterance]:
    heard = [words.hear(chunk, flag) for chunk, flag in zip(chunks(len(flags), first), flags, strict=True)]
    return [utterance for utterance in heard if utterance]


def test_an_utterance_begins_a_little_before_the_voice_and_ends_with_a_pause(words):
    (utterance,) = cut(words, [False] * 30 + [True] * 20 + [False] * 20)
    assert len(utterance.samples) == (8 + 20 + 20) * CHUNK_SAMPLES
    assert utterance.end_ns == 70 * CHUNK_MS * MS


def test_a_short_pause_does_not_end_it_and_a_cough_is_none(words):
    (utterance,) = cut(words, [True] * 12 + [False] * 10 + [True] * 12 + [False] * 20)
    assert len(utterance.samples) == 54 * CHUNK_SAMPLES
    assert cut(words, [True] * 5 + [False] * 30, first=54) == []


def test_a_speech_without_a_pause_is_cut_to_a_bounded_length(words):
    utterances = cut(words, [True] * 700)
    assert [len(each.samples) // CHUNK_SAMPLES for each in utterances] == [313, 313]


def test_lost_sound_drops_what_was_begun(words):
    assert cut(words, [True] * 20) == []
    assert cut(words, [False] * 40, first=200) == []


def test_what_was_said_last_in_a_recording_is_an_utterance(words):
    assert cut(words, [True] * 20) == []
    last = words.finish()
    assert len(last.samples) == 20 * CHUNK_SAMPLES
    assert words.finish() is None


def test_neutral_words_count_for_nothing_and_others_by_how_much_they_say(sentiment):
    words = Words(None, sentiment)
    neutral = words.read(Transcript("the door is open", 0.9), 5)
    bad = words.read(Transcript("I hate this terrible place", 0.9), 6)
    good = words.read(Transcript("I love it", 0.5), 7)
    assert neutral.quality == 0
    assert 0.4 < bad.quality <= 0.9
    assert 0.1 < good.quality <= 0.5
    assert EMOTIONS[int(good.probabilities.argmax())] == "happy"
    assert bad.probabilities[EMOTIONS.index("happy")] < bad.probabilities[EMOTIONS.index("angry")]
    assert (neutral.said_ns, bad.said_ns) == (5, 6)
    assert words.read(Transcript("  ", 0.9), 8) is None


@pytest.mark.parametrize("tell", [False, True])
def test_words_are_forgotten_unless_asked_for(sentiment, tell: bool):
    observation = Words(None, sentiment, tell).read(Transcript("I love it", 1.0), 0)
    assert observation.words == ("I love it" if tell else "")


def test_a_real_sentence_between_silences_is_understood(sentiment, ravdess_sentence):
    recognizer: Recognizer = PocketSphinx()
    words = Words(recognizer, sentiment, tell=True)
    voice = WebRtcActivity(-55)
    quiet = np.random.default_rng(0).normal(0, 1e-4, 32_000).astype(np.float32)
    sound = np.concatenate([quiet, ravdess_sentence, quiet])
    found = []
    for number in range(len(sound) // CHUNK_SAMPLES):
        samples = sound[number * CHUNK_SAMPLES : (number + 1) * CHUNK_SAMPLES]
        chunk = AudioChunk(samples, 16_000, number * CHUNK_MS * MS)
        if utterance := words.hear(chunk, voice.probability(samples) >= 0.5):
            found.append(words.understand(utterance))
    assert [each.words for each in found if each] == ["kids are talking by the door"]
