"""The last minutes in numbers."""

from __future__ import annotations

import time

import numpy as np
import pytest

from edge.records import EMOTIONS, AudioChunk
from edge.web.recent import Recent

SOMEBODY = {"probabilities": {emotion: number / 21 for number, emotion in enumerate(EMOTIONS)}}
NOBODY = {"probabilities": None}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def chunk(amplitude: float) -> AudioChunk:
    return AudioChunk(np.full(512, amplitude, np.float32), 16_000, 0)


def test_a_row_each_half_second_with_the_sound_since_the_last(clock):
    recent = Recent()
    for number in range(20):  # ten states a second
        clock[0] = 1_000_000 + number / 10
        recent.heard(chunk(0.1), number / 20)
        recent.state(SOMEBODY)
    newest, rows = recent.rows()
    assert (newest, [row[0] - 1_000_000 for row in rows]) == (4, [0.0, 0.5, 1.0, 1.5])
    assert rows[1][1] == [round(number / 21, 3) for number in range(7)]
    assert rows[1][2:] == (-20.0, 0.25)
    assert recent.rows(after=3) == (4, rows[3:])
    assert recent.rows(after=4) == (4, [])


def test_nobody_and_nothing_heard_are_told_as_such(clock):
    recent = Recent()
    recent.heard(chunk(0.0), 0.0)
    recent.state(NOBODY)
    assert (recent.rows()[1][0][1:], recent.sound) == ((None, -100.0, 0.0), (-100.0, 0.0))
    clock[0] += 1
    recent.state(NOBODY)  # the microphone was muted meanwhile
    assert (recent.rows()[1][1][1:], recent.sound) == ((None, None, None), None)


def test_the_meter_rises_at_once_and_falls_slowly(clock):
    recent = Recent()
    for amplitude, voice in ((0.001, 0.0), (0.1, 1.0)):
        recent.heard(chunk(amplitude), voice)
    assert recent.sound == (-20.0, 1.0)
    for _ in range(10):
        recent.heard(chunk(0.001), 0.0)
    assert recent.sound == (pytest.approx(-23.8, abs=0.5), 0.0)  # 320 ms later


def test_a_clock_that_is_set_back_does_not_stop_it(clock):
    recent = Recent()
    recent.state(NOBODY)
    clock[0] -= 3600
    recent.state(NOBODY)
    assert recent.rows()[0] == 2


def test_ten_minutes_are_kept(clock):
    recent = Recent()
    for _ in range(1500):
        clock[0] += 0.5
        recent.state(SOMEBODY)
    newest, rows = recent.rows()
    assert (newest, len(rows), rows[-1][0] - rows[0][0]) == (1500, 1200, 599.5)
