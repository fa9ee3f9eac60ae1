"""Thresholds that were tried, brought into the configuration file: shown as a diff first, comments kept."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config import LIVE, THRESHOLDS, Config
from edge.config_toml import load_config, parse_config, with_values
from edge.errors import ConfigError
from edge.publish.payloads import without_credentials
from edge.whole_file import write_whole

# The folder is not ours (EACCES, EPERM), read-only (EROFS), or the file is mounted by itself (EBUSY, EXDEV).
_NOT_REPLACED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the file would become. `digest` names exactly this text, made from exactly that file."""

    path: Path
    text: str
    diff: str
    digest: str


class Changed(ConfigError):
    """The file, or what is in force, is not what it was when the proposal was made."""


def propose(path: Path, in_force: Config) -> Proposal:
    """The file at `path` with the thresholds that are in force.

    Raises:
        ConfigError: it cannot be read, is wrong already, or is written in a way that cannot be changed safely.
    """
    said = load_config(path)
    before = path.read_bytes().decode()  # with the ends of lines that it has
    changes = difference(said, in_force)
    after = _edited(before, changes)
    if parse_config(after, str(path)) != with_values(said, changes):
        raise ConfigError(f"{path}: cannot be changed safely: change it by hand")
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(old, new, str(path), str(path), n=1))
    # A line beside the changed ones may be the address of a camera.
    return Proposal(path, after, without_credentials(diff), hashlib.sha256(f"{before}\0{after}".encode()).hexdigest())


def write(path: Path, in_force: Config, digest: str) -> Proposal:
    """Write what was proposed under `digest`.

    Raises:
        Changed: it would be something else by now.
        ConfigError: as `propose`, or the file cannot be written.
    """
    proposal = propose(path, in_force)
    if proposal.digest != digest:
        raise Changed(f"{path}: the file or the thresholds have changed meanwhile: look at the difference again")
    try:
        _write(path.resolve(), proposal.text)
    except OSError as error:
        hint = "Change it by hand, or let the service write it: systemd/README.md, 'The local page'"
        raise ConfigError(f"{path}: cannot be written: {error.strerror}. {hint}") from error
    return proposal


def difference(said: Config, in_force: Config) -> dict[str, dict[str, Any]]:
    """Section -> key -> value of the thresholds that are in force and not what the file says."""
    changes: dict[str, dict[str, Any]] = {}
    for section in THRESHOLDS:
        old, new = getattr(said, section), getattr(in_force, section)
        changed = {key: getattr(new, key) for key in LIVE[section] if getattr(new, key) != getattr(old, key)}
        if changed:
            changes[section] = changed
    return changes


def _edited(text: str, changes: Mapping[str, Mapping[str, Any]]) -> str:
    import tomlkit

    for section, keys in changes.items():
        for key in keys:
            text = _uncommented(text, section, key)
    document: Any = tomlkit.parse(text)
    for section, keys in changes.items():
        if section not in document:
            document[section] = tomlkit.table()
        for key, value in keys.items():
            document[section][key] = value
    return tomlkit.dumps(document)


def _uncommented(text: str, section: str, key: str) -> str:
    """`text` with the default of `key`, which the shipped file holds as a comment, made a real line."""
    lines, current, found = text.splitlines(keepends=True), "", None
    for number, line in enumerate(lines):
        if header := re.match(r"\s*\[\s*(\w+)\s*\]", line):
            current = header.group(1)
        elif current == section and re.match(rf"\s*{key}\s*=", line):
            return text
        elif current == section and found is None and re.match(rf"# {key} = \S", line):
            found = number
    if found is not None:
        lines[found] = lines[found][2:]
    return "".join(lines)


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        if error.errno not in _NOT_REPLACED:
            raise
        # The file alone is ours to write. It is some kilobytes, written at once.
        with path.open("r+b") as file:
            content = text.encode()
            file.write(content)
            file.truncate(len(content))
            file.flush()
            os.fsync(file.fileno())
