"""The AsyncAPI 3.0 document: topics and payloads for machines, made from the same JSON Schemas that the tests apply."""

from __future__ import annotations

import re
from typing import Any

import edge
from edge.publish import schemas

#: QoS and retain of docs/mqtt.md, by the end of the schema's name; commands, responses and the rest: QoS 1.
_DELIVERY = {"info": (1, True), "state": (1, True), "health": (0, True), "observation": (0, False)}
_EXPIRING = ("state", "health")
_AVAILABILITY = {
    "title": "emotion/<device>/availability",
    "description": "Whether the device is there; offline is also its will.",
    "type": "string",
    "enum": ["online", "offline"],
}


def document() -> dict[str, Any]:
    """The document, for the base topic ``emotion``; every ``$ref`` is inside it."""
    read = {name: schemas.read(name) for name in schemas.NAMES}
    payloads = {name: schema for name, schema in read.items() if schema.get("title", "").startswith("emotion/")}
    definitions = {key: part for name in read for key, part in read[name].get("$defs", {}).items()}
    payloads = {"availability": _AVAILABILITY, **payloads}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "emotion-edge",
            "version": edge.__version__,
            "description": "Apparent emotion from face, speech and words, published by a device over MQTT.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"hub": {"host": "localhost:1883", "protocol": "mqtt", "protocolVersion": "5.0"}},
        "channels": _channels(payloads),
        "operations": {
            name: _operation(name, schema, _channel_of(name, payloads)) for name, schema in payloads.items()
        },
        "components": {
            "messages": {name: _message(name, schema) for name, schema in payloads.items()},
            "schemas": {
                **{key: _local(part) for key, part in definitions.items()},
                **{f"{name}-payload": _local(schema) for name, schema in payloads.items()},
            },
        },
    }


def _channels(payloads: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One a topic, named after its first payload; a topic may carry several."""
    channels: dict[str, Any] = {}
    for name, schema in payloads.items():
        address = _address(schema)
        channel = channels.setdefault(
            _channel_of(name, payloads),
            {
                "address": address,
                "description": schema.get("description", ""),
                "messages": {},
                "parameters": {word: {"description": f"the {word}'s name"} for word in re.findall(r"{(\w+)}", address)},
            },
        )
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
    return channels


def _channel_of(name: str, payloads: dict[str, dict[str, Any]]) -> str:
    return next(first for first, schema in payloads.items() if _address(schema) == _address(payloads[name]))


def _address(schema: dict[str, Any]) -> str:
    """From the title: ``emotion/<device>/event``, or ``emotion/<device>/event, with type gap``."""
    return re.sub(r"<(\w+)>", r"{\1}", schema["title"].partition(",")[0])


def _operation(name: str, schema: dict[str, Any], channel: str) -> dict[str, Any]:
    """Seen from the device: what it publishes it sends."""
    qos, retain = (1, True) if name == "availability" else _DELIVERY.get(name.partition("-")[0], (1, False))
    binding: dict[str, Any] = {"qos": qos, "retain": retain, "bindingVersion": "0.2.0"}
    if name in _EXPIRING:
        binding["messageExpiryInterval"] = 3600
    return {
        "action": "receive" if "/command/" in schema["title"] else "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"}],
        "bindings": {"mqtt": binding},
    }


def _message(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "title": schema["title"],
        "contentType": "text/plain" if name == "availability" else "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}-payload"},
    }


def _local(part: Any) -> Any:
    """`part` with references into this document and without the words that only a file of its own has."""
    if isinstance(part, list):
        return [_local(entry) for entry in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _reference(value) if key == "$ref" else _local(value)
        for key, value in part.items()
        if key not in ("$schema", "$id", "$defs")
    }


def _reference(target: str) -> str:
    file, _, fragment = target.partition("#/$defs/")
    return (
        f"#/components/schemas/{fragment}" if fragment else f"#/components/schemas/{file.removesuffix('.json')}-payload"
    )
