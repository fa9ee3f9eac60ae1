"""CloudEvents 1.0.2 around an event, for hubs that expect it, by its MQTT protocol binding 1.0.2.

Structured: attributes and data in one JSON object. Binary (MQTT 5 only): the payload stays as it is, the attributes
are user properties. 3.1.1 has no properties, so there it is always structured, as the binding says.
"""

from __future__ import annotations

import functools
import json
from typing import Any, NamedTuple

from edge.publish import schemas

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
STRUCTURED_TYPE = "application/cloudevents+json; charset=utf-8"


class Wrapped(NamedTuple):
    """What is published: `content_type` and `attributes` go into MQTT 5 properties where there are any."""

    payload: bytes
    content_type: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


def wrap(event: bytes, envelope: str, *, binary: bool) -> Wrapped:
    """`event`, the payload of docs/mqtt.md, in `envelope`: ``plain``, ``cloudevents`` or ``cloudevents-binary``.

    `binary`: the connection can carry user properties.
    """
    if envelope == "plain":
        return Wrapped(event)
    attributes = _attributes(json.loads(event))
    if envelope == "cloudevents-binary" and binary:
        return Wrapped(event, CONTENT_TYPE, tuple(attributes.items()))
    head = json.dumps({**attributes, "datacontenttype": CONTENT_TYPE}, ensure_ascii=False, separators=(",", ":"))
    return Wrapped(head[:-1].encode() + b',"data":' + event + b"}", STRUCTURED_TYPE)


def unwrap(value: Any) -> Any:
    """The event in a structured envelope; any other JSON value as it is."""
    return value["data"] if isinstance(value, dict) and "specversion" in value and "data" in value else value


@functools.cache
def _schema(name: str) -> str:
    return str(schemas.read(name)["$id"])


def _attributes(event: dict[str, Any]) -> dict[str, str]:
    subject = {"subject": event["subject"]} if "subject" in event else {}
    return {
        "specversion": SPEC_VERSION,
        "id": event["id"],
        "source": f"/emotion-edge/{event['device']}",
        "type": f"emotion-edge.{event['type']}",
        **subject,
        "time": event["time"],
        "dataschema": _schema("gap" if event["type"] == "gap" else "event"),
        # The extension `sequence` compares as text, hence the zeros.
        "sequence": f"{event['sequence']:020d}",
    }
