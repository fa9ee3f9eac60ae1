"""Whatever the device may see, hear or measure becomes a payload that its schema accepts."""

from __future__ import annotations

import json
import math
import uuid
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import DeviceConfig
from edge.publish import payloads
from edge.publish.about import info
from edge.records import (
    EMOTIONS,
    UNCERTAIN,
    Box,
    EmotionEstimate,
    EmotionEvent,
    EventType,
    Evidence,
    FaceObservation,
    Health,
    ModelInfo,
    SensorHealth,
    SpeechObservation,
)

# 2026-05-04T09:12:33.120Z when the monotonic clock shows 5 s
OFFSET_NS = 1_777_885_953_120_000_000 - 5_000_000_000

ratio = st.floats(0, 1)
affect = st.floats(-1, 1)
moment = st.integers(0, 10**17)
count = st.integers(0, 2**40)
probabilities = st.lists(st.floats(0.001, 1), min_size=7, max_size=7).map(lambda p: [x / math.fsum(p) for x in p])
named = probabilities.map(lambda p: dict(zip(EMOTIONS, p, strict=True)))
emotion = st.sampled_from([*EMOTIONS, UNCERTAIN])
device = st.builds(DeviceConfig, id=st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True), place=st.text(max_size=20))
evidence = st.builds(Evidence, weight=ratio, quality=ratio, observed_ns=moment, probabilities=named)
estimate = st.builds(
    EmotionEstimate,
    subject=st.one_of(st.just("voice"), st.integers(0).map(lambda n: f"face-{n}")),
    emotion=emotion,
    confidence=ratio,
    probabilities=named,
    valence=affect,
    arousal=affect,
    agreement=st.none() | ratio,
    modalities=st.dictionaries(st.sampled_from(["face", "speech"]), evidence),
    start_ns=moment,
    time_ns=moment,
)
event = st.builds(
    EmotionEvent,
    type=st.sampled_from(get_args(EventType)),
    estimate=estimate,
    previous=st.none() | emotion,
    duration_ms=count,
)
vector = probabilities.map(lambda p: np.array(p, np.float32))
pixel = st.floats(-1e4, 1e4)
box = st.builds(Box, x=pixel, y=pixel, width=st.floats(1, 1e4), height=st.floats(1, 1e4))
face = st.builds(
    FaceObservation,
    track_id=count,
    box=box,
    detection_score=st.floats(0, 1e3),
    quality=ratio,
    probabilities=vector,
    captured_ns=moment,
)
speech = st.builds(
    lambda ratio, quality, vector, start_ns, length: SpeechObservation(
        ratio, quality, vector, start_ns, start_ns + length
    ),
    ratio,
    ratio,
    vector,
    moment,
    count,
)
sensor = st.builds(
    SensorHealth,
    state=st.sampled_from(["off", "starting", "ok", "down", "ended"]),
    reason=st.text(max_size=30),
    source=st.text(max_size=30),
    rate_hz=st.floats(0, 1e5),
    read=count,
    dropped=count,
    reopened=count,
)
milliseconds = st.none() | st.floats(0, 1e9)
numbers = st.builds(
    Health,
    uptime_s=st.floats(0, 1e9),
    camera=sensor,
    microphone=sensor,
    faces_observed=count,
    speech_observed=count,
    events=count,
    latency_p50_ms=milliseconds,
    latency_p95_ms=milliseconds,
    rss_bytes=count,
    cpu_share=st.floats(0, 64),
    temperature_c=st.none() | st.floats(-40, 120),
)
figures: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
model = st.builds(
    ModelInfo,
    task=st.sampled_from(["face", "speech"]),
    name=st.text(max_size=10),
    version=st.text(max_size=10),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    licence=st.text(max_size=10),
    metrics=st.dictionaries(st.text(max_size=8), figures, max_size=3),
    accelerator=st.sampled_from(["cpu", "gpu", "npu", "external"]),
    accelerator_reason=st.text(max_size=10),
)
cases = settings(max_examples=60, deadline=None)


def sent(body: dict[str, Any]) -> Any:
    """`body` as a consumer's parser gets it; that parser may refuse NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(payloads.encode(body), parse_constant=refuse)


@cases
@given(event, device, st.integers(1), st.integers(0, 2**47 * 10**6), st.integers(0, 10**9))
def test_every_event_is_valid(validators, event, device, sequence, utc_ns, latency_ms) -> None:
    body = payloads.event(
        event,
        device,
        sequence=sequence,
        event_id=payloads.uuid7(utc_ns),
        offset_ns=OFFSET_NS,
        latency_ms=latency_ms,
    )
    validators["event"].validate(sent(body))


@cases
@given(st.none() | estimate, count, device, moment)
def test_every_state_is_valid(validators, estimate, people, device, now_ns) -> None:
    validators["state"].validate(sent(payloads.state(estimate, people, device, now_ns=now_ns, offset_ns=OFFSET_NS)))


@cases
@given(face, speech, device)
def test_every_observation_is_valid(validators, face, speech, device) -> None:
    validators["observation-face"].validate(sent(payloads.observation(face, device, offset_ns=OFFSET_NS)))
    validators["observation-speech"].validate(sent(payloads.observation(speech, device, offset_ns=OFFSET_NS)))


@cases
@given(st.integers(1, 2**53), st.none() | st.integers(1, 2**53), st.sampled_from(["full", "damaged"]), device)
def test_every_gap_record_is_valid(validators, first, lost, reason, device) -> None:
    event_id = payloads.uuid7(OFFSET_NS)
    body = payloads.gap(first, first + 9, lost, reason, device, event_id=event_id, utc_ns=OFFSET_NS)
    validators["gap"].validate(sent(body))
    assert not validators["event"].is_valid(sent(body))


@cases
@given(numbers, device, st.booleans(), count)
def test_every_health_is_valid(validators, health, device, connected, n) -> None:
    mqtt = {"connected": connected, "protocol": "5" if connected else None, "reconnects": n, "queued": n}
    mqtt |= {"dropped": n, "refused": n, "outbox": {"storage": "memory", "problem": "the disk is full"}}
    validators["health"].validate(sent(payloads.health(health, mqtt, device, utc_ns=OFFSET_NS)))


@cases
@given(
    st.lists(model, max_size=3),
    st.sampled_from([["face"], ["speech"], ["face", "speech", "text"]]),
    st.booleans(),
    device,
)
def test_every_info_is_valid(validators, models, modalities, observations, device) -> None:
    validators["info"].validate(sent(info(models, modalities, observations, device)))


def test_an_event_says_what_happened_when(event_of) -> None:
    event = event_of()
    offset_ns = OFFSET_NS + 5_000_000_000 - event.estimate.time_ns
    body = payloads.event(
        event,
        DeviceConfig(id="pi", place="hall"),
        sequence=7,
        event_id="x",
        offset_ns=offset_ns,
        latency_ms=41,
    )
    assert body["time"] == "2026-05-04T09:12:33.120Z"
    assert (body["device"], body["place"], body["sequence"]) == ("pi", "hall", 7)
    assert (body["emotion"], body["previous"], body["duration_ms"]) == ("happy", "neutral", 5400)
    assert body["modalities"]["face"]["age_ms"] == 40
    assert (body["late"], body["latency_ms"]) == (False, 41)


def test_latency_counts_from_the_newest_evidence_or_from_the_absence(event_of) -> None:
    event = event_of()
    assert payloads.observed_ns(event) == event.estimate.time_ns - 40_000_000
    gone = event_of(kind="presence.end")
    assert payloads.observed_ns(gone) == gone.estimate.time_ns


def test_a_state_without_anybody_is_null_but_keeps_its_keys(event_of) -> None:
    device = DeviceConfig(id="pi")
    somebody = payloads.state(event_of().estimate, 1, device, now_ns=0, offset_ns=OFFSET_NS)
    nobody = payloads.state(None, 0, device, now_ns=5_000_000_000, offset_ns=OFFSET_NS)
    assert list(nobody) == list(somebody)
    assert nobody["emotion"] is None
    assert nobody["time"] == "2026-05-04T09:12:33.120Z"


def test_half_a_state_is_refused_by_its_schema(validators, event_of) -> None:
    body = payloads.state(event_of().estimate, 1, DeviceConfig(id="pi"), now_ns=0, offset_ns=OFFSET_NS)
    assert validators["state"].is_valid(body)
    assert not validators["state"].is_valid(body | {"confidence": None})
    assert not validators["state"].is_valid(body | {"extra": 1})


def test_credentials_in_a_camera_url_are_not_published(health) -> None:
    body = payloads.health(health, {}, DeviceConfig(id="pi"), utc_ns=0)
    assert body["camera"]["source"] == "rtsp://10.0.0.7/main"


def test_a_number_that_is_not_finite_is_refused(health) -> None:
    broken = SpeechObservation(float("nan"), 1.0, np.full(7, 1 / 7, np.float32), 0, 1)
    with pytest.raises(ValueError, match="finite"):
        payloads.observation(broken, DeviceConfig(id="pi"), offset_ns=0)


def test_ids_are_version_7_and_sort_by_time() -> None:
    ids = [payloads.uuid7(OFFSET_NS + 300 * n) for n in range(1000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    first = uuid.UUID(ids[0])
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert first.int >> 80 == OFFSET_NS // 1_000_000
