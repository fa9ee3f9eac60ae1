"""Words are recognised beside everything else; what comes too fast is counted."""

from __future__ import annotations

import threading

import numpy as np

from edge.perceive.recognition import Transcript
from edge.perceive.sentiment import VaderSentiment
from edge.perceive.words import Utterance, Words
from edge.records import TextObservation
from edge.service.understanding import Understanding

UTTERANCE = Utterance(np.zeros(16_000, np.float32), 7)


class Slow:
    """A recognizer that waits until it may go on."""

    def __init__(self) -> None:
        self.begun, self.may = threading.Event(), threading.Event()

    def transcribe(self, samples: np.ndarray) -> Transcript:
        self.begun.set()
        assert self.may.wait(30)
        return Transcript("I love it", 1.0)


def begin(recognizer: Slow | None, unwanted=lambda: False):
    stop, ended, told = threading.Event(), threading.Event(), list[TextObservation]()
    words = Words(recognizer, VaderSentiment())
    unwatched = threading.Event()
    work = Understanding(words, told.append, unwanted, stop, ended.is_set, unwatched.set)
    thread = threading.Thread(target=work.understand)
    thread.start()
    return work, thread, ended, told, unwatched


def test_too_slow_a_recognition_lets_utterances_go_and_counts_them():
    slow = Slow()
    work, thread, ended, told, unwatched = begin(slow)
    work.put(UTTERANCE)
    assert slow.begun.wait(30)
    for _ in range(5):
        work.put(UTTERANCE)
    assert (work.dropped, unwatched.is_set(), told) == (2, True, [])
    slow.may.set()
    ended.set()
    thread.join(30)
    assert work.finished.is_set()
    assert [each.said_ns for each in told] == [7] * 4


def test_transcripts_of_the_hub_go_the_same_way():
    work, thread, ended, told, _ = begin(None)
    work.put((Transcript("I love it", 0.9), 11))
    work.put((Transcript("", 0.9), 12))
    ended.set()
    thread.join(30)
    assert [each.said_ns for each in told] == [11]


def test_what_was_said_before_the_microphone_was_muted_is_not_told():
    slow, muted = Slow(), threading.Event()
    work, thread, ended, told, _ = begin(slow, muted.is_set)
    work.put(UTTERANCE)
    assert slow.begun.wait(30)
    muted.set()
    work.put(UTTERANCE)
    slow.may.set()
    ended.set()
    thread.join(30)
    assert told == []
