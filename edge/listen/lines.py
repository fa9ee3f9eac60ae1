"""Payloads -> lines for a terminal. A payload may be anybody's: what is missing is left out, what would move the
cursor is shown as a question mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WIDEST = 300


def shown(text: object) -> str:
    """`text` without control characters, cut to a length that a terminal can bear."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text)[:_WIDEST])


def event(body: Mapping[str, Any]) -> str:
    parts = [
        f"#{body.get('sequence')}",
        f"{shown(body.get('type')):<15}",
        f"{shown(body.get('subject')):<8}",
        f"{shown(body.get('emotion')):<9}",
        _number(body.get("confidence"), "{:.2f}"),
        _number(body.get("valence"), "valence {:+.2f}"),
        _number(body.get("arousal"), "arousal {:+.2f}"),
        _senses(body.get("modalities")),
    ]
    if body.get("previous"):
        parts.append(f"(was {shown(body['previous'])}{_number(body.get('duration_ms'), ', {:.0f} ms')})")
    if body.get("late"):
        parts.append(f"LATE by {_number(body.get('latency_ms'), '{:.0f} ms')}")
    return " ".join(part for part in parts if part)


def state(body: Mapping[str, Any]) -> str:
    people = body.get("people")
    if not people:
        return "nobody there"
    return (
        f"{shown(people)} there: {shown(body.get('subject'))} {shown(body.get('emotion'))} "
        f"{_number(body.get('confidence'), '{:.2f}')}"
    )


def health(body: Mapping[str, Any]) -> str:
    parts = [
        f"{name} {shown(sensor.get('state'))}{_reason(sensor)}{_number(sensor.get('rate_hz'), ' {:.1f}/s')}"
        for name in ("camera", "microphone")
        if isinstance(sensor := body.get(name), Mapping)
    ]
    parts += [
        _number(body.get("latency_p95_ms"), "p95 {:.0f} ms"),
        _number(body.get("cpu_share"), "CPU {:.2f}"),
        _number(body.get("rss_bytes"), "RSS {:.0f} bytes"),
        _number(body.get("temperature_c"), "{:.0f} degrees C"),
    ]
    if isinstance(mqtt := body.get("mqtt"), Mapping):
        parts += [f"{shown(key)} {shown(mqtt[key])}" for key in ("queued", "dropped", "refused") if mqtt.get(key)]
    return ", ".join(part for part in parts if part)


def info(body: Mapping[str, Any]) -> str:
    software, listed = body.get("software"), body.get("models")
    models = listed if isinstance(listed, list) else []
    version = shown(software.get("version")) if isinstance(software, Mapping) else "?"
    names = [shown(model.get("name")) for model in models if isinstance(model, Mapping)]
    place = f" in {shown(body['place'])}" if body.get("place") else ""
    return f"emotion-edge {version}{place}, models: {', '.join(names) or 'none told'}"


def _senses(modalities: object) -> str:
    if not isinstance(modalities, Mapping):
        return ""
    weights = [
        f"{shown(name)} {_number(sense.get('weight'), '{:.2f}')}"
        for name, sense in modalities.items()
        if isinstance(sense, Mapping)
    ]
    return f"[{' '.join(weights)}]" if weights else ""


def _reason(sensor: Mapping[str, Any]) -> str:
    return f" ({shown(sensor['reason'])})" if sensor.get("reason") else ""


def _number(value: object, form: str) -> str:
    return form.format(value) if isinstance(value, (int, float)) else ""
