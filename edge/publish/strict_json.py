"""JSON from strangers: one object, small, shallow, and without what JSON parsers disagree about."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

MOST_BYTES = 4096
MOST_DEPTH = 8


def read_object(payload: bytes) -> dict[str, Any]:
    """The object in `payload`; an empty payload is an empty object.

    Raises:
        ValueError: more than `MOST_BYTES` or `MOST_DEPTH`, not UTF-8, not JSON, not an object, a key twice, a number
            that is not finite, half of a surrogate pair. The message quotes nothing of the payload.
    """
    if len(payload) > MOST_BYTES:
        raise ValueError(f"expected at most {MOST_BYTES} bytes, got {len(payload)}")
    if not payload:
        return {}
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"expected UTF-8, got something else at byte {error.start}") from error
    if _depth(text) > MOST_DEPTH:
        raise ValueError(f"expected at most {MOST_DEPTH} levels of nesting, got more")
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_float=_finite, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON: {error.msg} at character {error.pos}") from error
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object, got something else")  # noqa: TRY004 - the caller's one kind of no
    _refuse_lone_surrogates(value)
    return value


def _depth(text: str) -> int:
    """How deep brackets nest; asked before parsing, so that no depth can exhaust the parser's stack."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "}]":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("expected every key once, got one twice")
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("expected finite numbers, got one beyond the range of a double")
    return number


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("expected finite numbers, got NaN or Infinity")


def _refuse_lone_surrogates(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("expected Unicode text, got half of a surrogate pair") from error
    elif isinstance(value, dict):
        for key, entry in value.items():
            _refuse_lone_surrogates(key)
            _refuse_lone_surrogates(entry)
    elif isinstance(value, list):
        for entry in value:
            _refuse_lone_surrogates(entry)
