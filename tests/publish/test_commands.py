"""Whatever arrives under command/, the answer is a command or a refusal: never another exception."""

from __future__ import annotations

import json
import os
import string
from dataclasses import fields
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edge.config import LIVE, THRESHOLDS, Config, DeviceConfig
from edge.publish import payloads, schemas
from edge.publish.commands import NAMES, Received, Refused, read_command, response, response_name

#: FUZZ_CASES=100000 for the long run of docs/mqtt.md
CASES = int(os.environ.get("FUZZ_CASES", "400"))
DEVICE = DeviceConfig(id="kitchen-pi")
NOW_NS = 1_777_885_953_120_000_000  # 2026-05-04T09:12:33.120Z
JUDGES = {name: Draft202012Validator(schemas.read(f"command-{name}")) for name in NAMES}

keys = sorted({key for section in THRESHOLDS for key in LIVE[section]} | {"model", "x"})
numbers = st.one_of(st.integers(-10, 2000), st.floats(allow_nan=False, allow_infinity=False), st.integers())
leaves = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=8))
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
likely = st.fixed_dictionaries(
    {},
    optional={
        "sensor": st.sampled_from(["camera", "microphone", "all"]) | anything,
        "muted": st.booleans() | anything,
        "what": st.sampled_from(["subjects", "smoothing"]) | anything,
        "transaction": st.text(max_size=70) | anything,
        **{
            section: st.dictionaries(st.sampled_from(keys), numbers | anything, max_size=3) | anything
            for section in THRESHOLDS
        },
        "extra": anything,
    },
)
jsons = (likely | anything).map(lambda value: json.dumps(value).encode())
#: Structured JSON, JSON with bytes exchanged, and bytes of any kind.
hostile = st.one_of(
    jsons,
    st.tuples(jsons, st.integers(0), st.binary(max_size=3)).map(
        lambda t: t[0][: t[1] % (len(t[0]) + 1)] + t[2] + t[0][t[1] % (len(t[0]) + 1) + len(t[2]) :]
    ),
    st.binary(max_size=200),
    st.text(alphabet='[]{}",:\\u0dE+-.1eNaInfty', max_size=200).map(str.encode),
    st.integers(1, 3000).map(lambda n: b"[" * n),
    st.integers(1, 1500).map(lambda n: b'{"a":' * n),
)
names = st.sampled_from(NAMES) | st.text(max_size=70)


def received(name: str, payload: bytes, **circumstances) -> Received:
    circumstances = {"retained": False, "received_ns": NOW_NS, **circumstances}
    return Received(name, payload, len(payload), **circumstances)


def read(name: str, payload: bytes | str | dict, **circumstances):
    if isinstance(payload, dict):
        payload = json.dumps(payload)
    data = payload.encode() if isinstance(payload, str) else payload
    return read_command(received(name, data, **circumstances), now_ns=NOW_NS, utc_ns=NOW_NS)


def refused(name: str, payload: bytes | str | dict, **circumstances) -> Refused:
    with pytest.raises(Refused) as caught:
        read(name, payload, **circumstances)
    return caught.value


@settings(max_examples=CASES, deadline=None)
@given(name=names, payload=hostile)
def test_every_payload_is_a_command_or_refused_with_a_valid_response(validators, name, payload) -> None:
    try:
        assert read(name, payload).name == name
    except Refused as refusal:
        body = response(DEVICE, name, refusal.transaction, utc_ns=NOW_NS, refusal=refusal)
        validators["response"].validate(json.loads(payloads.encode(body)))


@settings(max_examples=CASES, deadline=None)
@given(name=st.sampled_from(NAMES), body=likely)
def test_the_device_accepts_exactly_what_the_schema_accepts(name, body) -> None:
    body = json.loads(json.dumps(body))
    try:
        accepted = read(name, json.dumps(body)) is not None
    except Refused as refusal:
        if refusal.code == "malformed":  # lone surrogates, depth: rules about the text that no schema can say
            return
        accepted = False
    assert accepted == JUDGES[name].is_valid(body)


def test_the_bounds_in_the_schema_are_those_of_the_configuration() -> None:
    sections = schemas.read("command-thresholds")["properties"]
    for name in THRESHOLDS:
        rules = {key.name: key.metadata for key in fields(getattr(Config(), name))}
        shown = {key: (rule["minimum"], rule["maximum"]) for key, rule in sections[name]["properties"].items()}
        assert shown == {key: (rules[key]["low"], rules[key]["high"]) for key in LIVE[name]}


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"{" + b" " * 4096, "4096 bytes"),
        (b'{"muted": NaN}', "NaN"),
        (b'{"muted": -Infinity}', "NaN or Infinity"),
        (b'{"muted": 1e999}', "range of a double"),
        (b'{"muted": true, "muted": false}', "twice"),
        (b'{"sensor": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"sensor": "\xff"}', "UTF-8"),
        (b"[" * 9 + b"]" * 9, "8 levels"),
        (b"[" * 4000, "8 levels"),
        (b"[1]", "object"),
        (b'{"sensor": ', "expected JSON"),
        (b"\xef\xbb\xbf{}", "JSON"),
    ],
)
def test_what_parsers_disagree_about_is_refused(payload: bytes, words: str) -> None:
    refusal = refused("privacy", payload)
    assert refusal.code == "malformed"
    assert words in str(refusal)


def test_brackets_in_a_text_are_not_nesting() -> None:
    assert refused("privacy", {"sensor": '[[[[[[[[[[\\"{{{{{{{{{{'}).code == "invalid"


def test_a_transaction_is_echoed_also_by_a_refusal() -> None:
    assert read("ping", {"transaction": "é-1"}).transaction == "é-1"
    assert refused("privacy", {"transaction": "a", "sensor": "door", "muted": True}).transaction == "a"
    assert refused("nothing", {"transaction": "a"}).transaction == "a"
    for wrong in ("", "x" * 65, 7, ["a"], {}):
        refusal = refused("ping", {"transaction": wrong})
        assert (refusal.code, refusal.transaction) == ("invalid", None)


def test_an_empty_payload_is_a_command_without_arguments() -> None:
    assert read("ping", b"").name == "ping"
    assert read("reset", b"").arguments == {"what": "subjects"}


def test_a_retained_command_is_refused() -> None:
    assert refused("ping", b"", retained=True).code == "retained"


def test_an_expired_command_is_refused() -> None:
    moment = datetime.fromtimestamp(NOW_NS // 10**9, tz=timezone.utc)
    assert refused("ping", {"expires": f"{moment:%Y-%m-%dT%H:%M:%S}.119Z"}).code == "expired"
    assert read("ping", {"expires": f"{moment:%Y-%m-%dT%H:%M:%S}.121Z"}).name == "ping"
    assert refused("ping", b"", received_ns=NOW_NS - 2_000_000_000, expiry_s=1).code == "expired"
    assert read("ping", b"", received_ns=NOW_NS - 2_000_000_000, expiry_s=3).name == "ping"
    for wrong in ("2026-02-30T00:00:00.000Z", "tomorrow", "2026-05-04T09:12:33Z", 1, None):
        assert refused("ping", {"expires": wrong}).code == "invalid"


def test_thresholds_are_judged_by_the_rules_of_the_configuration() -> None:
    command = read("thresholds", {"fusion": {"dwell_ms": 500.0, "hysteresis": 0}, "speech": {"quiet_dbfs": -50}})
    assert command.arguments == {"fusion": {"dwell_ms": 500, "hysteresis": 0}, "speech": {"quiet_dbfs": -50}}
    message = str(refused("thresholds", {"fusion": {"dwell_ms": -1, "hysteresis": "high", "dwel_ms": 1}}))
    assert "[fusion] dwell_ms: expected a whole number from 0 to 60000, got -1" in message
    assert "[fusion] hysteresis: expected a number, got 'high'" in message
    assert "did you mean 'dwell_ms'?" in message
    assert "cannot change while" in str(refused("thresholds", {"face": {"model": "/tmp/other"}}))
    assert "known are fusion, face, speech" in str(refused("thresholds", {"mqtt": {"url": "mqtt://evil"}}))


def test_a_refusal_of_many_mistakes_stays_short() -> None:
    refusal = refused("thresholds", {"fusion": {letter * 40: 1 for letter in string.ascii_letters}})
    assert len(str(refusal)) <= 1000


def test_a_name_that_cannot_be_a_response_has_another() -> None:
    assert response_name("privacy") == "privacy"
    for name in ("", "a" * 33, "ä", "a b", "a\n", "\x00"):
        assert response_name(name) == "unknown"
