"""The JSON Schemas (draft 2020-12) of every payload. The contract for consumers; not applied on the device."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

#: One a topic, but for `gap`, which comes on the topic of `event`; `common` holds what they share.
NAMES = (
    "event",
    "gap",
    "state",
    "info",
    "health",
    "observation-face",
    "observation-speech",
    "observation-text",
    "command-privacy",
    "command-reload",
    "command-thresholds",
    "command-reset",
    "command-ping",
    "command-describe",
    "response",
    "common",
)


def read(name: str) -> dict[str, Any]:
    """The schema `name`, one of `NAMES`. They refer to each other by file name, which is also the end of ``$id``."""
    text = resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
