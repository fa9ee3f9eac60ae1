"""Payloads of anybody: told in a line, refused with a reason, never trusted with the cursor."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edge.listen import lines
from edge.listen.device import Device
from edge.listen.judge import schema_judge

REFERENCE = Path(__file__).parents[2] / "docs" / "mqtt.md"
EXAMPLES = dict(re.findall(r"^```json (\S+)\n(.*?)^```", REFERENCE.read_text(encoding="utf-8"), re.M | re.S))


@pytest.fixture
def device() -> Device:
    return Device("kitchen-pi", schema_judge())


def take(device: Device, name: str, payload: bytes):
    return list(device.take(name, payload, 0.0))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("event", ["#4182", "emotion.change", "face-3", "happy", "0.81", "was neutral"]),
        ("state", ["1 there", "happy"]),
        ("info", ["emotion-edge 0.1.0 in kitchen", "face-emotion"]),
        ("health", ["camera ok 15.0/s", "microphone down (no such device)", "61 degrees C"]),
        ("observation/face", ["detection_score"]),
    ],
)
def test_the_examples_of_the_reference_are_told_in_one_line(device: Device, name: str, words: list[str]) -> None:
    (heard,) = take(device, name, EXAMPLES[name.replace("/", "-")].encode())
    assert not heard.problem
    assert [word for word in words if word not in heard.text] == []
    assert device.sound


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("event", b"", "expected JSON"),
        ("event", b'{"schema": NaN}', "got NaN"),
        ("event", b"\xff\xfe\xfd", "UTF-8"),
        ("event", b"[" * 100_000, "nesting"),
        ("event", b" " * 300_000, "at most 262144 bytes"),
        ("event", b"[]", "is not of type 'object'"),
        ("state", EXAMPLES["state"].replace('"people": 1', '"people": -1').encode(), r"$.people: -1 is less"),
        ("event", EXAMPLES["event"].replace('"place"', '"face_image"').encode(), "face_image"),
        ("event", EXAMPLES["event"].replace("kitchen-pi", "cellar-pi").encode(), "expected device 'kitchen-pi'"),
        ("availability", b"perhaps", "online or offline"),
    ],
)
def test_what_breaks_the_contract_is_told_and_counted(device: Device, name: str, payload: bytes, reason: str) -> None:
    (heard,) = take(device, name, payload)
    assert heard.problem
    assert reason in heard.text
    assert device.invalid == 1
    assert not device.sound


def test_the_removal_of_a_retained_availability_is_no_mistake(device: Device) -> None:
    assert take(device, "availability", b"") == []
    assert device.sound


def test_without_a_judge_an_incomplete_event_is_still_shown() -> None:
    device = Device("kitchen-pi", None)
    body = {"device": "kitchen-pi", "sequence": 1, "id": "a", "type": "new.kind"}
    (heard,) = take(device, "event", json.dumps(body).encode())
    assert "new.kind" in heard.text


def test_a_payload_cannot_move_the_cursor() -> None:
    assert lines.shown("\x1b[2Jgone\r\n") == "?[2Jgone??"
    device = Device("kitchen-pi", None)
    body = {"device": "kitchen-pi", "sequence": 1, "id": "a", "type": "\x1b]0;owned\x07", "subject": {"\n": "\r"}}
    (heard,) = take(device, "event", json.dumps(body).encode())
    assert heard.text.isprintable()


def test_a_record_of_a_loss_is_told_and_makes_the_verdict(device: Device) -> None:
    take(device, "event", EXAMPLES["event"].encode())
    record = {"schema": 1, "id": "019df219-9a50-7c11-8d0e-5b1c64c8d7aa", "sequence": 5120, "device": "kitchen-pi"}
    record |= {"place": "", "type": "gap", "time": "2026-05-04T09:12:33.120Z"}
    record |= {"first": 4183, "count": 938, "reason": "full"}
    (heard,) = take(device, "event", json.dumps(record).encode())
    assert heard.problem
    assert "the device tells that 938 of sequence 4183 to 5120 are lost: full" in heard.text
    assert (device.ledger.missing, device.ledger.conceded, device.invalid, device.sound) == (0, 938, 0, False)
    (heard,) = take(device, "event", json.dumps({**record, "id": "b", "first": "x"}).encode())
    assert "invalid payload" in heard.text
