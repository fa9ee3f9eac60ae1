from __future__ import annotations

import pytest

from edge.listen.lines import event, health, info, shown, state

_EVENT = {
    "sequence": 7,
    "type": "emotion.end",
    "subject": "face-1",
    "emotion": "happy",
    "confidence": 0.734,
    "valence": 0.5,
    "arousal": -0.25,
    "modalities": {"face": {"weight": 0.75}, "speech": {"weight": 0.25}},
    "previous": "sad",
    "duration_ms": 1200,
    "late": True,
    "latency_ms": 2500,
}


def test_an_event_is_one_line_with_all_that_it_tells():
    assert " ".join(event(_EVENT).split()) == (
        "#7 emotion.end face-1 happy 0.73 valence +0.50 arousal -0.25 [face 0.75 speech 0.25] "
        "(was sad, 1200 ms) LATE by 2500 ms"
    )


@pytest.mark.parametrize("line", [event, state, health, info])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sequence": None, "confidence": "high", "modalities": ["face"], "people": 2, "models": {}, "software": 3},
        {"camera": 7, "mqtt": [], "previous": {"a": 1}, "models": [7], "software": {}},
    ],
)
def test_a_payload_of_anybody_makes_a_line(line, body):
    assert "\n" not in line(body)


def test_what_would_move_the_cursor_is_shown_as_question_marks_and_cut():
    assert shown("a\x1b[2Jb\nc") == "a?[2Jb?c"
    assert len(shown("x" * 10_000)) == 300
    assert "\x1b" not in event({**_EVENT, "emotion": "\x1b[31mred"})


def test_state_health_and_info_name_what_matters():
    assert state({"people": 0}) == "nobody there"
    assert state({"people": 1, "subject": "face-1", "emotion": "sad", "confidence": 0.5}) == "1 there: face-1 sad 0.50"
    body = {"camera": {"state": "down", "reason": "no camera"}, "cpu_share": 0.5, "mqtt": {"queued": 3, "dropped": 0}}
    assert health(body) == "camera down (no camera), CPU 0.50, queued 3"
    told = info({"software": {"version": "1.2"}, "place": "cabin", "models": [{"name": "face-emotion"}]})
    assert told == "emotion-edge 1.2 in cabin, models: face-emotion"
