"""Transcripts of the hub: what is taken, what is let go."""

from __future__ import annotations

import json

import pytest

from edge.publish.transcripts import BURST, Transcripts, read_transcript


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"turn on the light", ("turn on the light", 0.8)),
        ("  schöner Tag \n".encode(), ("schöner Tag", 0.8)),
        (b'{"text": "hello", "likelihood": 0.5, "siteId": "kitchen", "seconds": 1.2}', ("hello", 0.5)),
        (b'{"text": "hello", "confidence": 1}', ("hello", 1.0)),
        (json.dumps({"text": "a" * 3000}).encode(), ("a" * 1000, 0.8)),
    ],
)
def test_plain_text_and_hermes_are_read(payload: bytes, expected: tuple[str, float]):
    assert read_transcript(payload) == expected


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"x" * 5000, "at most 4096 bytes, got 5000"),
        (b'{"text": 5}', 'the key "text"'),
        (b'{"words": "secret"}', 'the key "text"'),
        (b'{"text": "secret", "likelihood": 2}', "from 0 to 1"),
        (b'{"text": "secret", "likelihood": true}', "from 0 to 1"),
        (b'{"text": "secret", "likelihood": NaN}', "NaN"),
        (b'{"text": "secret", "text": "b"}', "once"),
    ],
)
def test_what_is_no_transcript_is_told_without_quoting_it(payload: bytes, words: str):
    with pytest.raises(ValueError, match=words) as refusal:
        read_transcript(payload)
    assert "secret" not in str(refusal.value)


def test_only_its_topic_is_taken_and_never_what_was_retained():
    heard: list[str] = []
    transcripts = Transcripts("hermes/+/textCaptured", lambda text, _confidence: heard.append(text))
    assert transcripts.heard("hermes/asr/textCaptured", b"now", retained=False)
    assert transcripts.heard("hermes/asr/textCaptured", b"yesterday", retained=True)
    assert transcripts.heard("hermes/asr/textCaptured", b"", retained=False)
    assert not transcripts.heard("hermes/asr/stop", b"else", retained=False)
    assert heard == ["now"]


def test_a_flood_is_let_go_and_a_mistake_is_told_once(caplog):
    heard: list[str] = []
    transcripts = Transcripts("words", lambda text, _confidence: heard.append(text))
    for number in range(1000):
        transcripts.heard("words", f"{number}".encode(), retained=False)
    assert BURST <= len(heard) <= BURST + 20
    fresh = Transcripts("words", lambda text, _confidence: heard.append(text))
    fresh.heard("words", b"\xff", retained=False)
    fresh.heard("words", b"\xff", retained=False)
    assert len(caplog.records) == 1
    assert "words: a transcript that cannot be read: expected UTF-8" in caplog.text
