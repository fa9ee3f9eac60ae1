"""Events by their sequence numbers: those that a subscriber heard, and bare ones for an outbox."""

from __future__ import annotations

import functools
import json
import time

from edge.publish.outbox import Outbox

parsed = functools.lru_cache(maxsize=10_000)(json.loads)  # asked for again after each message


def numbers(subscriber) -> list[int]:
    """Sequence numbers as heard."""
    return [message.json()["sequence"] for message in subscriber.on("event")]


def told(subscriber) -> dict[int, dict]:
    """What was heard, by sequence number; the same number is always the same event."""
    found: dict[int, dict] = {}
    for message in subscriber.on("event"):
        body = parsed(message.payload)
        assert found.setdefault(body["sequence"], body)["id"] == body["id"]
    return found


def holes(subscriber, up_to: int) -> list[int]:
    """Numbers that neither arrived nor stand in a gap record."""
    bodies = told(subscriber)
    gaps = [range(body["first"], number + 1) for number, body in bodies.items() if body["type"] == "gap"]
    return [n for n in range(1, up_to + 1) if n not in bodies and not any(n in gap for gap in gaps)]


def waited(body: dict) -> bool:
    """It came more than two seconds after it happened: also a live event does on a machine whose disk is that slow."""
    return body["latency_ms"] > 2000


def add(outbox: Outbox, events: int = 1) -> None:
    for _ in range(events):
        outbox.add(lambda sequence: {"sequence": sequence}, observed_ms=0)


def answer(outbox: Outbox, until, message_id: int, reason_code: int) -> int:
    """Take the next event and answer it; its sequence number."""
    event = until(lambda: outbox.take(time.monotonic()))
    outbox.sent(message_id)
    outbox.answered(message_id, reason_code)
    return event.sequence
