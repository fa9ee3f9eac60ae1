"""Whether a payload keeps the contract: the shipped JSON Schemas, and that a device speaks for itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from edge.errors import EdgeError
from edge.installation import install_extra
from edge.publish import schemas

#: Larger than any payload of ours by far; what is larger is not read.
_MOST_BYTES = 262_144

Judge = Callable[[str, Any], str]


def parse(payload: bytes) -> Any:
    """The JSON value in `payload`. Raises ValueError: it is none, with the reason."""
    if len(payload) > _MOST_BYTES:
        raise ValueError(f"expected at most {_MOST_BYTES} bytes, got {len(payload)}")
    try:
        return json.loads(payload, parse_constant=_not_a_number)
    except RecursionError as error:
        raise ValueError("expected JSON, got too deep a nesting") from error
    except UnicodeDecodeError as error:
        raise ValueError("expected UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON: {error}") from error


def schema_judge() -> Judge:
    """Returns a function of a topic below the device's own and its JSON value: what is wrong with it, or ``""``.

    A topic without a schema is not judged.

    Raises:
        EdgeError: jsonschema is not installed.
    """
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match
        from referencing import Registry, Resource
    except ImportError as error:
        raise EdgeError(
            f"--verify needs the package jsonschema, which is missing. Install it with: {install_extra('listen')}"
        ) from error
    read = {name: schemas.read(name) for name in schemas.NAMES}
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in read.values()]
    registry: Any = Registry().with_resources(resources)
    validators = {name: Draft202012Validator(schema, registry=registry) for name, schema in read.items()}

    def judge(name: str, value: Any) -> str:
        if name.startswith("command/"):
            return ""  # the device's answer judges it
        if name == "event" and isinstance(value, dict) and value.get("type") == "gap":
            name = "gap"
        validator = validators.get(name.replace("/", "-")) or validators.get(name.partition("/")[0])
        mistake = None if validator is None else best_match(validator.iter_errors(value))
        if mistake is None:
            return ""
        return f"{mistake.json_path}: {mistake.message}"[:300]

    return judge


def _not_a_number(word: str) -> None:
    raise ValueError(f"expected JSON, got {word}")
