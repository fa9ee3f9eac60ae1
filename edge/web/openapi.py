"""The API as OpenAPI 3.1: made from the limits in force and the JSON Schemas of what is published over MQTT."""

from __future__ import annotations

from html import escape
from typing import Any

import edge
from edge.config import WebConfig
from edge.publish import schemas
from edge.publish.commands import NAMES
from edge.web.judge import Kind

#: The media that each kind of analysis takes.
MEDIA: dict[Kind, tuple[str, ...]] = {
    "face": ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/tiff"),
    "speech": ("audio/wav", "audio/x-wav", "audio/flac", "audio/x-flac", "audio/ogg", "audio/mpeg", "audio/mp4"),
    "video": ("video/mp4", "video/webm", "video/x-matroska", "video/quicktime", "video/mpeg", "video/x-msvideo"),
}
_SUMMARIES: dict[Kind, str] = {
    "face": "The faces in a picture and their apparent emotion",
    "speech": "The apparent emotion of a voice: each window of speech, and the events that follow",
    "video": "A video with or without sound: faces, speech, and the fused events",
}
_ERRORS = {
    "400": "The request is malformed",
    "401": "No token, or not one of this device",
    "403": "The token lacks the scope",
    "404": "There is nothing under this path",
    "405": "The path knows other methods",
    "408": "The upload took too long",
    "409": "The file or what is in force has changed since the difference was shown",
    "413": "The upload is too large",
    "415": "The Content-Type is not one of those listed",
    "422": "It cannot be read as what its Content-Type says",
    "429": "Too many requests",
    "503": "Too busy, no service runs here, or it cannot do it",
    "504": "The analysis took too long",
}
_ALWAYS = ("400", "401", "403", "404", "405", "429")
_TIME = {"time_s": {"type": "number", "minimum": 0, "description": "seconds from the beginning"}}
_DROPPED = {"schema", "id", "device", "place", "time", "late", "latency_ms", "since", "clock_synchronized"}


def document(config: WebConfig) -> dict[str, Any]:
    """The OpenAPI document."""
    face, speech, event = (_schema(name) for name in ("observation-face", "observation-speech", "event"))
    common = schemas.read("common")["$defs"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "emotion-edge",
            "version": edge.__version__,
            "description": "Apparent emotion from faces and speech, on this device. What is sent stays in its memory "
            f"and is forgotten with the answer. At most {config.upload_mb} MB and {config.recording_s:g} s a request.",
        },
        "security": [{"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                **{name: _local(body) for name, body in common.items()},
                "error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {
                        "error": {
                            "type": "object",
                            "required": ["code", "message"],
                            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                        }
                    },
                },
            },
        },
        "paths": {
            "/v1/face": _post("face", {"width_px": _COUNT, "height_px": _COUNT, "faces": _many(_timeless(face))}),
            "/v1/speech": _post("speech", {"length_s": _NUMBER, "speech": _many(speech), "events": _many(event)}),
            "/v1/video": _post(
                "video",
                {"length_s": _NUMBER, "faces": _many(face), "speech": _many(speech), "events": _many(event)},
            ),
            "/v1/events": _get(
                "Events as they happen (server-sent events; the data is that of the MQTT topic event)",
                {"text/event-stream": {"schema": {"type": "string"}}},
                "503",
            ),
            "/v1/now": _get(
                "What the page shows: server-sent events, first all that is known, then what changes",
                {"text/event-stream": {"schema": {"type": "string"}}},
                "503",
            ),
            "/v1/view": _get(
                "What the camera sees, ten pictures a second at most; the header X-View of each tells its faces",
                {"multipart/x-mixed-replace": {"schema": {"type": "string"}}},
                "503",
            ),
            "/v1/settings": _get(
                "The thresholds: in force, in the file, their bounds and what they mean",
                {"application/json": {"schema": _SETTINGS}},
                "503",
            ),
            "/v1/config": {
                **_get(
                    "What the configuration file would become with the thresholds in force",
                    {"application/json": {"schema": _PROPOSAL}},
                    "503",
                ),
                **_json(
                    "put",
                    "Write what GET has shown under this digest",
                    _object(digest={"type": "string"}),
                    _PROPOSAL,
                    "409",
                ),
            },
            "/v1/commands/{name}": {
                **_json(
                    "post",
                    "A command as over MQTT (docs/mqtt.md), with its response",
                    {"type": "object"},
                    _local(schemas.read("response")),
                ),
                "parameters": [
                    {"name": "name", "in": "path", "required": True, "schema": {"enum": list(NAMES)}},
                ],
            },
            "/metrics": _get("The numbers of health for Prometheus", {"text/plain": {"schema": _TEXT}}, "503"),
            "/v1/health": _get("How the service is", {"application/json": {"schema": _HEALTH}}),
            "/v1/openapi.json": _get("This document", {"application/json": {"schema": {"type": "object"}}}),
            "/v1/docs": _get("This document, to read", {"text/html": {"schema": {"type": "string"}}}),
        },
    }


def page(described: dict[str, Any]) -> str:
    """The document for people, without anything from a network."""
    rows = []
    for path, methods in described["paths"].items():
        for method, body in methods.items():
            if method == "parameters":
                continue
            media = ", ".join(body.get("requestBody", {}).get("content", {}))
            answers = "".join(
                f"<li><code>{status}</code> {escape(answer['description'])}</li>"
                for status, answer in body["responses"].items()
            )
            takes = f"<p>Takes {escape(media)}</p>" if media else ""
            rows.append(
                f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(body['summary'])}</p>{takes}"
                f"<ul>{answers}</ul>"
            )
    info = described["info"]
    return (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>emotion-edge API</title>'
        "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:45rem;margin:auto;"
        "padding:1rem}h2{font-size:1rem;margin-top:2rem}</style>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
        '<p><a href="openapi.json">openapi.json</a></p>' + "".join(rows) + "</html>"
    )


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_TEXT = {"type": "string"}
_NUMBER = {"type": "number", "minimum": 0}
_COUNT = {"type": "integer", "minimum": 1}
_HEALTH = {
    "type": "object",
    "required": ["status", "version", "uptime_s", "uploads_waiting", "service"],
    "properties": {
        "status": {"const": "ok"},
        "version": {"type": "string"},
        "uptime_s": _NUMBER,
        "uploads_waiting": {"type": "integer", "minimum": 0},
        "service": {"type": ["object", "null"], "description": "as the MQTT topic health"},
    },
}


_PROPOSAL = _object(file=_TEXT, diff=_TEXT, digest=_TEXT)
_SETTINGS = _object(
    thresholds={"type": "object"}, file={"type": ["string", "null"]}, mistake={"type": ["string", "null"]}
)


def _schema(name: str) -> dict[str, Any]:
    """The schema of an MQTT payload without what says something of a device, and with the recording's time."""
    whole = _local(schemas.read(name))
    properties = {key: body for key, body in whole["properties"].items() if key not in _DROPPED}
    return {
        "type": "object",
        "required": ["time_s", *(key for key in whole["required"] if key in properties)],
        "properties": {**_TIME, **properties},
    }


def _timeless(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        **schema,
        "required": [key for key in schema["required"] if key != "time_s"],
        "properties": {key: body for key, body in schema["properties"].items() if key != "time_s"},
    }


def _local(body: Any) -> Any:
    """`body` with its references to the shared definitions turned into those of this document."""
    if isinstance(body, dict):
        return {
            key: f"#/components/schemas/{value.rpartition('/')[2]}" if key == "$ref" else _local(value)
            for key, value in body.items()
        }
    return [_local(part) for part in body] if isinstance(body, list) else body


def _many(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


def _get(summary: str, content: dict[str, Any], *errors: str) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": _responses(content, *errors)}}


def _post(kind: Kind, properties: dict[str, Any]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["schema", *properties],
        "properties": {"schema": {"const": 1}, **properties},
    }
    responses = _responses({"application/json": {"schema": schema}}, "408", "413", "415", "422", "503", "504")
    body = {"required": True, "content": {media: {} for media in MEDIA[kind]}}
    return {"post": {"summary": _SUMMARIES[kind], "requestBody": body, "responses": responses}}


def _json(method: str, summary: str, takes: dict[str, Any], gives: dict[str, Any], *errors: str) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": takes}}}
    responses = _responses({"application/json": {"schema": gives}}, "413", "422", "503", *errors)
    return {method: {"summary": summary, "requestBody": body, "responses": responses}}


def _responses(content: dict[str, Any], *errors: str) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}
    return {
        "200": {"description": "Done", "content": content},
        **{status: {"description": _ERRORS[status], "content": error} for status in sorted((*_ALWAYS, *errors))},
    }
