"""The settings tree read from one TOML file, all mistakes reported at once, each with its line."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.config import BANNED_CONTEXTS, SECTIONS, Config
from edge.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TYPES: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,)}
_TYPE_WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text in quotes"}


def load_config(path: Path) -> Config:
    """Read the configuration file at `path`.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or holds mistakes; the message lists all of them.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}. "
            "Give another with --config FILE, or copy the default one from systemd/config.toml."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8 text: {error}.") from error
    return parse_config(text, str(path))


def parse_config(text: str, where: str = "configuration") -> Config:
    """Parse TOML `text`; `where` begins each message.

    Raises:
        ConfigError: as `load_config`.
    """
    try:
        tree = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also numbers of more digits than Python reads
        raise ConfigError(f"{where}: not valid TOML: {error}.") from error
    mistakes = [f"{where}:{_line(text, section, key)}: {what}" for section, key, what in _mistakes(tree)]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    config = Config(**{section: SECTIONS[section](**values) for section, values in tree.items()})
    contradictions = [f"{where}:{_line(text, section, key)}: {what}" for section, key, what in _contradictions(config)]
    if contradictions:
        raise ConfigError("\n".join(contradictions))
    return config


def with_values(config: Config, values: Mapping[str, Mapping[str, Any]]) -> Config:
    """`config` with the keys in `values` (section -> key -> value) replaced, judged like those of a file.

    Raises:
        ConfigError: the message lists all mistakes, one a line.
    """
    if mistakes := [what for _, _, what in _mistakes(values)]:
        raise ConfigError("\n".join(mistakes))
    return replace(config, **{name: replace(getattr(config, name), **keys) for name, keys in values.items()})


def _mistakes(tree: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for section, values in tree.items():
        if section not in SECTIONS:
            yield section, "", f"[{_short(section)}]: no such section{_nearest(section, SECTIONS)}"
        elif not isinstance(values, Mapping):
            yield "", section, f"{section}: expected a section [{section}], got {_short(repr(values))}"
        else:
            known = {key.name: key for key in fields(SECTIONS[section])}
            for key, value in values.items():
                if key not in known:
                    yield section, key, f"[{section}] {_short(key)}: no such key{_nearest(key, known)}"
                elif expected := _expected(known[key], value):
                    yield section, key, f"[{section}] {key}: expected {expected}, got {_short(repr(value))}"


def _contradictions(config: Config) -> Iterator[tuple[str, str, str]]:
    """What is wrong between keys that are each right."""
    live = [
        section.source
        for section in (config.camera, config.microphone)
        if section.enabled and not section.source.startswith(("file:", "images:"))
    ]
    if not (config.camera.enabled or config.microphone.enabled):
        yield "camera", "enabled", "[camera] and [microphone] are both disabled: expected at least one of them"
    if config.replay.pace == "fast" and live:
        expected = '[replay] pace = "fast" needs a recording for each enabled sense'
        yield "replay", "pace", f"{expected}, got {' and '.join(live)}. Disable that one, or leave pace out"
    try:
        port = urlsplit(config.mqtt.url).port
    except ValueError as error:
        yield "mqtt", "url", f"[mqtt] url: expected mqtt://host[:port] or mqtts://host[:port]: {error}"
    else:
        if port == 0:
            yield "mqtt", "url", "[mqtt] url: expected a port from 1 to 65535, got 0"
    if config.homeassistant.enabled and config.mqtt.envelope != "plain":
        expected = '[mqtt] envelope: Home Assistant reads plain events only: expected "plain"'
        yield "mqtt", "envelope", f"{expected} with [homeassistant] enabled, got {config.mqtt.envelope!r}"
    if config.privacy.context in BANNED_CONTEXTS and not config.privacy.reason:
        banned = f"[privacy] context: inferring emotions is banned in a {config.privacy.context} setting"
        law = "(EU AI Act, Art. 5(1)(f)) unless for a medical or safety reason"
        yield (
            "privacy",
            "context",
            f'{banned} {law}: expected reason = "medical" or "safety", got none. See docs/privacy.md',
        )
    inference = config.inference
    for key in ("accelerator", "face_accelerator", "speech_accelerator"):
        if getattr(inference, key) == "external" and not inference.delegate:
            expected = f'[inference] {key} = "external" needs the delegate\'s shared library'
            yield "inference", key, f'{expected}: set delegate, e.g. "libedgetpu.so.1"'
    if config.text.enabled and not config.text.recognises and config.replay.pace == "fast":
        expected = '[text] source = "hub" has no place in a recording at full speed'
        yield "text", "source", f'{expected}: recognise words here (source = "pocketsphinx"), or leave pace out'
    if config.text.recognises and not config.microphone.enabled:
        expected = "[text] needs a microphone, or transcripts of the hub"
        yield "text", "source", f'{expected}: enable [microphone], or set source = "hub", got {config.text.source!r}'
    if config.mqtt.ca_file and config.mqtt.url.startswith("mqtt:"):
        yield "mqtt", "ca_file", "[mqtt] ca_file is set, but url is not encrypted: write mqtts://, or remove ca_file"


def _expected(key: Any, value: Any) -> str | None:
    """What `key` expects, in words, if `value` is not that; else None."""
    kind = str(key.type)
    if not isinstance(value, _TYPES[kind]) or (kind != "bool" and isinstance(value, bool)):
        return _TYPE_WORDS[kind]
    rule = key.metadata
    if rule.get("choices") and value not in rule["choices"]:
        return "one of " + ", ".join(map(repr, rule["choices"]))
    low, high = rule.get("low"), rule.get("high")
    if low is not None and not low <= value <= high:  # also catches NaN
        return f"{_TYPE_WORDS[kind]} from {low} to {high}"
    if rule.get("form") and not re.fullmatch(str(rule["form"]), str(value)):
        return f"a text of the form {rule['form']}"
    return None


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def _nearest(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word[:80], list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"


def _line(text: str, section: str, key: str) -> int:
    """The line (from 1) of `key` in `section`, or of the section's header where the key is not found."""
    current, header = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
            current = match.group(1).strip("\"'")
            header = number if current == section else header
        elif current == section and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line) and key:
            return number
    return header
