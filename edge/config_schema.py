"""The configuration as a JSON Schema, for editors (Even Better TOML, taplo) and other programs."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import edge
from edge.config import Config

_TYPES = {"bool": "boolean", "int": "integer", "float": "number", "str": "string"}
_KEY = re.compile(r"# (\w+) = (?:\"[^\"]*\"|\S+)\s*(?:# (.*))?$")
_MORE = re.compile(r"\s{8,}# (.*)$")


def config_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the whole file: types, bounds, choices, defaults, and what each key means."""
    words = _descriptions(_commented().read_text(encoding="utf-8"))
    sections: dict[str, Any] = {}
    for section in fields(Config):
        kind: Any = section.default_factory
        sections[section.name] = {
            "type": "object",
            "description": (kind.__doc__ or "").split("\n")[0].replace("`", ""),
            "additionalProperties": False,
            "properties": {
                key.name: {
                    **_key(key),
                    **({"description": said} if (said := words.get((section.name, key.name))) else {}),
                }
                for key in fields(kind)
            },
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Configuration of emotion-edge {edge.__version__}",
        "type": "object",
        "additionalProperties": False,
        "properties": sections,
    }


def _key(key: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _TYPES[str(key.type)], "default": key.default}
    rule = key.metadata
    if rule.get("choices"):
        schema["enum"] = list(rule["choices"])
    if rule.get("low") is not None:
        schema["minimum"], schema["maximum"] = rule["low"], rule["high"]
    if rule.get("form"):
        schema["pattern"] = f"^({rule['form']})$"
    return schema


def _commented() -> Path:
    """The shipped configuration: beside the package in a checkout, inside it in a wheel."""
    shipped = Path(__file__).with_name("_config.toml")
    return shipped if shipped.exists() else Path(__file__).parents[1] / "systemd" / "config.toml"


def _descriptions(text: str) -> dict[tuple[str, str], str]:
    """(section, key) -> its comment in the commented configuration, which says in words what the key means."""
    found: dict[tuple[str, str], str] = {}
    section, last = "", None
    for line in text.splitlines():
        if header := re.match(r"\[(\w+)\]", line):
            section, last = header.group(1), None
        elif key := _KEY.match(line):
            last = (section, key.group(1))
            if key.group(2):
                found[last] = key.group(2)
        elif (more := _MORE.match(line)) and last in found:
            found[last] += " " + more.group(1)
        else:
            last = None
    return found
