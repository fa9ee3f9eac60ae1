from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from edge.listen.judge import Judge, parse, schema_judge

REFERENCE = Path(__file__).parents[2] / "docs" / "mqtt.md"
EXAMPLES = {
    name: json.loads(text)
    for name, text in re.findall(
        r"^```json (event|state|info|health|observation-face)\n(.*?)^```",
        REFERENCE.read_text(encoding="utf-8"),
        re.M | re.S,
    )
}
GAP = {
    "schema": 1,
    "id": "019df219-9a50-7c11-8d0e-5b1c64c8d7aa",
    "sequence": 5120,
    "device": "kitchen-pi",
    "place": "",
    "type": "gap",
    "time": "2026-05-04T09:12:33.120Z",
    "first": 4183,
    "count": 938,
    "reason": "full",
}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return schema_judge()


def test_parse_gives_what_json_holds() -> None:
    assert parse(b'{"a": [1, null]}') == {"a": [1, None]}
    assert parse('"\u201efroh\u201c"'.encode()) == "\u201efroh\u201c"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "expected JSON: "),
        (b'{"confidence": NaN}', "expected JSON, got NaN"),
        (b"[-Infinity]", "expected JSON, got -Infinity"),
        (b'"\xff"', "expected UTF-8 text"),
        (b"[" * 100_000, "too deep a nesting"),
        (b" " * 262_145, "expected at most 262144 bytes, got 262145"),
    ],
)
def test_what_is_no_json_of_a_device_is_refused_with_a_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse(payload)


@pytest.mark.parametrize("name", ["event", "state", "info", "health", "observation/face"])
def test_each_topic_has_its_own_schema(judge: Judge, name: str) -> None:
    body = EXAMPLES[name.replace("/", "-")]
    assert judge(name, body) == ""
    assert "schema" in judge(name, {key: value for key, value in body.items() if key != "schema"})
    others = {"event", "state", "info", "health"} - {name}
    assert all(judge(other, body) for other in others)


def test_a_record_of_a_loss_is_an_event_with_a_schema_of_its_own(judge: Judge) -> None:
    assert judge("event", GAP) == ""
    assert judge("event", {**GAP, "first": 0}) == "$.first: 0 is less than the minimum of 1"
    assert "confidence" in judge("event", {**GAP, "confidence": 0.5})


def test_every_response_is_judged_by_one_schema_and_no_command(judge: Judge) -> None:
    assert judge("response/ping", {"schema": 1}) != ""
    assert judge("response/none-such", {"schema": 1}) != ""
    assert judge("command/ping", {"nonsense": True}) == ""  # the device's answer judges it


def test_what_has_no_schema_is_not_judged_and_a_mistake_is_told_in_few_words(judge: Judge) -> None:
    assert judge("other/topic", {"nonsense": True}) == ""
    assert 0 < len(judge("event", {**EXAMPLES["event"], "subject": ["x" * 10_000]})) <= 300
