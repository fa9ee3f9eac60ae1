"""Records -> what is published: plain dicts in the vocabulary of docs/mqtt.md. Pure, no clock of its own.

`offset_ns` is what must be added to a monotonic time to get UTC nanoseconds since 1970; the caller measures it.
Numbers are rounded to four decimals; a number that is not finite raises ValueError where it is made or encoded,
for a consumer's JSON parser must never meet one.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from edge.config import DeviceConfig
from edge.records import (
    EMOTIONS,
    EmotionEstimate,
    EmotionEvent,
    Evidence,
    FaceObservation,
    Health,
    Observation,
    SensorHealth,
    SpeechObservation,
)

Body = dict[str, Any]

#: Raised when a field is removed or changes its meaning; a new field alone does not raise it.
SCHEMA = 1


def event(
    event: EmotionEvent,
    device: DeviceConfig,
    *,
    sequence: int,
    event_id: str,
    offset_ns: int,
    latency_ms: int,
    clock_synchronized: bool | None = None,
) -> Body:
    """One change, as sent at once; `late` and `latency_ms` are replaced when it is sent (see `StoredEvent`).

    `clock_synchronized` is told only where it is False: then `time` may be wrong, and `sequence` alone orders.
    """
    estimate = event.estimate
    return {
        "schema": SCHEMA,
        "id": event_id,
        "sequence": sequence,
        "device": device.name,
        "place": device.place,
        "type": event.type,
        "time": utc(estimate.time_ns + offset_ns),
        **_estimate(estimate),
        "previous": event.previous,
        "duration_ms": event.duration_ms,
        "late": False,
        "latency_ms": latency_ms,
        **({"clock_synchronized": False} if clock_synchronized is False else {}),
    }


def gap(
    first: int, last: int, count: int | None, reason: str, device: DeviceConfig, *, event_id: str, utc_ns: int
) -> Body:
    """The record of a loss, in the place of the last event lost: `count` (None: not known) of `first` to `last`."""
    return {
        "schema": SCHEMA,
        "id": event_id,
        "sequence": last,
        "device": device.name,
        "place": device.place,
        "type": "gap",
        "time": utc(utc_ns),
        "first": first,
        "count": count,
        "reason": reason,
    }


def state(estimate: EmotionEstimate | None, people: int, device: DeviceConfig, *, now_ns: int, offset_ns: int) -> Body:
    """The current estimate of the primary subject; with nobody there the same keys, null. `now_ns` is monotonic."""
    if estimate is None:
        fields: Body = dict.fromkeys(_ESTIMATE_KEYS)
        since, time_ns = None, now_ns
    else:
        fields = _estimate(estimate)
        since, time_ns = utc(estimate.start_ns + offset_ns), estimate.time_ns
    return {**_head(device, time_ns + offset_ns), "people": people, **fields, "since": since}


def health(health: Health, mqtt: Mapping[str, Any], device: DeviceConfig, *, utc_ns: int) -> Body:
    """The service's own numbers, with the publisher's under ``mqtt``."""
    return {
        **_head(device, utc_ns),
        "uptime_s": number(health.uptime_s),
        "camera": _sensor(health.camera),
        "microphone": _sensor(health.microphone),
        "faces_observed": health.faces_observed,
        "faces_not_judged": dict(health.faces_not_judged),
        "speech_observed": health.speech_observed,
        "text_observed": health.text_observed,
        "text_dropped": health.text_dropped,
        "events": health.events,
        "latency_p50_ms": _optional(health.latency_p50_ms),
        "latency_p95_ms": _optional(health.latency_p95_ms),
        "rss_bytes": health.rss_bytes,
        "cpu_share": number(health.cpu_share),
        "temperature_c": _optional(health.temperature_c),
        "looked_hz": _optional(health.looked_hz),
        "held_back": health.held_back,
        "skipped": health.skipped,
        "throttled": None if health.throttled is None else list(health.throttled),
        "clock_synchronized": health.clock_synchronized,
        "mqtt": dict(mqtt),
    }


def observation(observation: Observation, device: DeviceConfig, *, offset_ns: int) -> Body:
    """What one face, one window of speech or one utterance's words show, before fusion. `time` is a window's end."""
    probabilities = {
        emotion: number(p) for emotion, p in zip(EMOTIONS, observation.probabilities.tolist(), strict=True)
    }
    quality = number(observation.quality)
    if isinstance(observation, FaceObservation):
        box = observation.box
        return {
            **_head(device, observation.captured_ns + offset_ns),
            "subject": f"face-{observation.track_id}",
            "box": {
                "x_px": number(box.x),
                "y_px": number(box.y),
                "width_px": number(box.width),
                "height_px": number(box.height),
            },
            "detection_score": number(observation.detection_score),
            "quality": quality,
            "abstained": observation.abstained or None,
            "probabilities": probabilities,
        }
    if not isinstance(observation, SpeechObservation):
        told = {"words": observation.words} if observation.words else {}
        head = _head(device, observation.said_ns + offset_ns)
        return {**head, "quality": quality, "probabilities": probabilities, **told}
    return {
        **_head(device, observation.end_ns + offset_ns),
        "window_ms": (observation.end_ns - observation.start_ns) // 1_000_000,
        "speech_ratio": number(observation.speech_ratio),
        "quality": quality,
        "probabilities": probabilities,
    }


def encode(body: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON without spaces. Raises ValueError for a number that is not finite."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def observed_ns(event: EmotionEvent) -> int:
    """When the newest evidence of `event` was captured; the event's own time where it was an absence."""
    estimate = event.estimate
    if event.type == "presence.end":
        return estimate.time_ns
    return max((evidence.observed_ns for evidence in estimate.modalities.values()), default=estimate.time_ns)


def utc(utc_ns: int) -> str:
    """ISO 8601 with milliseconds and Z, from nanoseconds since 1970."""
    seconds, rest_ns = divmod(utc_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1_000_000:03d}Z"


def uuid7(utc_ns: int) -> str:
    """A UUID version 7 (RFC 9562, 5.7): sorts by time; 48 bits of milliseconds, 12 of their fraction, 62 random."""
    milliseconds, rest_ns = divmod(utc_ns, 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    return str(uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)))


def _head(device: DeviceConfig, utc_ns: int) -> Body:
    return {"schema": SCHEMA, "device": device.name, "place": device.place, "time": utc(utc_ns)}


_ESTIMATE_KEYS = (
    "subject",
    "emotion",
    "confidence",
    "probabilities",
    "valence",
    "arousal",
    "modalities",
    "agreement",
)


def _estimate(estimate: EmotionEstimate) -> Body:
    values = (
        estimate.subject,
        estimate.emotion,
        number(estimate.confidence),
        _numbers(estimate.probabilities),
        number(estimate.valence),
        number(estimate.arousal),
        {name: _evidence(part, estimate.time_ns) for name, part in estimate.modalities.items()},
        _optional(estimate.agreement),
    )
    return dict(zip(_ESTIMATE_KEYS, values, strict=True))


def _evidence(evidence: Evidence, time_ns: int) -> Body:
    return {
        "weight": number(evidence.weight),
        "age_ms": max(0, (time_ns - evidence.observed_ns) // 1_000_000),
        "quality": number(evidence.quality),
        "probabilities": _numbers(evidence.probabilities),
    }


def _sensor(sensor: SensorHealth) -> Body:
    return {
        "state": sensor.state,
        "reason": without_credentials(sensor.reason),
        "source": without_credentials(sensor.source),
        "rate_hz": number(sensor.rate_hz),
        "read": sensor.read,
        "dropped": sensor.dropped,
        "reopened": sensor.reopened,
    }


def without_credentials(text: str) -> str:
    """`text` as others may read it: a camera's url may carry ``user:password@``."""
    return re.sub(r"(?<=://)[^/\s]*@", "", text)


def number(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"payload: expected a finite number, got {value!r}")
    return round(float(value), 4) + 0.0  # + 0.0: never "-0.0"


def _optional(value: float | None) -> float | None:
    return None if value is None else number(value)


def _numbers(values: Mapping[str, float]) -> dict[str, float]:
    return {name: number(value) for name, value in values.items()}
