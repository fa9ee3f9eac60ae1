"""What a hub may ask of the device: payloads -> commands, outcomes -> responses. Pure; carries nothing out.

Each command has a JSON Schema (schemas/command-<name>.json); a test holds this module to accepting exactly what the
schemas accept. Who may send commands is the broker's to decide (docs/mqtt.md, "Commands").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from edge.config import AT_START, LIVE, THRESHOLDS, Config, DeviceConfig
from edge.config_toml import with_values
from edge.errors import ConfigError, PublishError
from edge.publish import payloads
from edge.publish.strict_json import read_object

NAMES = ("privacy", "reload", "thresholds", "reset", "ping", "describe")
#: The name under which a command is answered whose own name cannot stand in a response.
NAMELESS = "unknown"
MOST_TRANSACTION = 64
#: A message lists mistakes; a payload of nothing but mistakes must not make a long one.
MOST_MESSAGE = 1000

_CHOICES: dict[str, dict[str, tuple[Any, ...]]] = {
    "privacy": {"sensor": ("camera", "microphone", "all"), "muted": (True, False)},
    "reset": {"what": ("subjects", "smoothing")},
}
_OPTIONAL = {"reset": {"what": "subjects"}}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


class Refused(PublishError):
    """A command that is not carried out. `code` is for programs: the keys of docs/mqtt.md's table of errors."""

    def __init__(self, code: str, message: str, transaction: str | None = None) -> None:
        super().__init__(message[:MOST_MESSAGE])
        self.code = code
        self.transaction = transaction


@dataclass(frozen=True, slots=True)
class Received:
    """A command as it came from the network. `payload` is None when it was too large to keep (`size_bytes`)."""

    name: str
    payload: bytes | None
    size_bytes: int
    retained: bool
    received_ns: int
    #: What is left of the sender's own time limit (MQTT 5 message expiry), in seconds; None: no limit.
    expiry_s: float | None = None
    #: It came faster than commands are taken; only the refusal of the first one a second is told.
    hasty: bool = False
    #: Where the answer goes instead of the hub: to somebody on this device who waits for it.
    reply: Future[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is what its schema asks for. `values`: the thresholds of a ``thresholds``."""

    name: str
    transaction: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


def response_name(name: str) -> str:
    """`name` where it can stand in a topic and a payload, else `NAMELESS`."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name) else NAMELESS


def read_command(received: Received, *, now_ns: int, utc_ns: int) -> Command:
    """The command in `received`; `now_ns` is monotonic, `utc_ns` the device's clock.

    Raises:
        Refused: it is not what its schema asks for, is retained, has expired, or came too fast.
    """
    if received.hasty:
        raise Refused("busy", "too many commands: expected a few a second. Send fewer; this one was not carried out")
    if received.payload is None:
        raise Refused("malformed", f"expected a payload of at most 4096 bytes, got {received.size_bytes}")
    try:
        body = read_object(received.payload)
    except ValueError as error:
        raise Refused("malformed", str(error)) from error
    transaction = body.pop("transaction", None)
    if transaction is not None and not (isinstance(transaction, str) and 1 <= len(transaction) <= MOST_TRANSACTION):
        raise Refused("invalid", f"transaction: expected a text of 1 to {MOST_TRANSACTION} characters")
    try:
        _check_time(received, body.pop("expires", _NEVER), now_ns, utc_ns)
        return Command(received.name, transaction, _arguments(received.name, body))
    except Refused as refusal:
        refusal.transaction = transaction
        raise
    except ConfigError as error:
        raise Refused("invalid", str(error), transaction) from error


def response(
    device: DeviceConfig,
    name: str,
    transaction: str | None,
    *,
    utc_ns: int,
    result: Mapping[str, Any] | None = None,
    refusal: Refused | None = None,
) -> payloads.Body:
    """The answer to one command: either its `result` or its `refusal`."""
    return {
        "schema": payloads.SCHEMA,
        "device": device.name,
        "place": device.place,
        "time": payloads.utc(utc_ns),
        "command": response_name(name),
        "transaction": transaction,
        "ok": refusal is None,
        "result": None if refusal else dict(result or {}),
        "error": {"code": refusal.code, "message": str(refusal)} if refusal else None,
    }


_NEVER = object()


def _check_time(received: Received, expires: Any, now_ns: int, utc_ns: int) -> None:
    if received.retained:
        raise Refused(
            "retained",
            "a retained command is not carried out, for it would come again at each connection: "
            "send it without retain, and remove the retained one with an empty retained message",
        )
    if received.expiry_s is not None and now_ns - received.received_ns > received.expiry_s * 1e9:
        raise Refused("expired", "it waited longer than its message expiry. Send it again")
    if expires is _NEVER:
        return
    moment = _moment(expires)
    if utc_ns > moment.timestamp() * 1e9:
        raise Refused("expired", f"it expired at {expires}; here it is {payloads.utc(utc_ns)}. Send it again")


def _moment(expires: Any) -> datetime:
    if isinstance(expires, str) and _TIME.fullmatch(expires):
        try:
            return datetime.strptime(expires, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        except ValueError:
            pass  # such as a 30th of February
    raise Refused("invalid", "expires: expected UTC such as 2026-05-04T09:12:33.120Z")


def _arguments(name: str, body: dict[str, Any]) -> dict[str, Any]:
    if name not in NAMES:
        raise Refused("unknown", f"no such command: known are {', '.join(NAMES)}")
    if name == "thresholds":
        return _thresholds(body)
    choices = _CHOICES.get(name, {})
    for key in body:
        if key not in choices:
            known = ", ".join([*choices, "transaction", "expires"])
            raise Refused("invalid", f"{key[:80]!r}: no such key: known are {known}")
    given = {**_OPTIONAL.get(name, {}), **body}
    for key, allowed in choices.items():
        # By type too: for Python 1 is True, for JSON it is not.
        if not any(type(given.get(key)) is type(choice) and given[key] == choice for choice in allowed):
            words = ", ".join(json.dumps(choice) for choice in allowed)
            raise Refused("invalid", f"{key}: expected one of {words}")
    return given


def _thresholds(body: dict[str, Any]) -> dict[str, Any]:
    for section, keys in body.items():
        if section not in THRESHOLDS:
            raise Refused("invalid", f"{section[:80]!r}: no such section: known are {', '.join(THRESHOLDS)}")
        if not isinstance(keys, dict):
            raise Refused("invalid", f"{section}: expected an object of keys and values")
        if fixed := [key for key in keys if key in AT_START and key not in LIVE[section]]:
            raise Refused("invalid", f"[{section}] {fixed[0]}: cannot change while the service runs")
        # JSON knows one kind of number: 700.0 is as whole as 700.
        body[section] = {key: _whole(value) for key, value in keys.items()}
    with_values(Config(), body)  # raises ConfigError with the rules of the configuration file
    return body


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
