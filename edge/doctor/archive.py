"""`emotion-edge report`: one archive for a report of a fault, without secrets and without anything seen or heard."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.config import DEFAULT_PATH, Config
from edge.config_files import read_config, with_password_beside
from edge.doctor.report import run_doctor
from edge.errors import EdgeError
from edge.publish.broker import find_password
from edge.service.recorder import FILE

_LINES = "2000"
_RUN = Path("/run")
#: What stands before an @ in an address, what follows a question mark, and the value of a property that says secret.
_USER = re.compile(r"(\w+://)[^/@\s\"']+@")
_QUERY = re.compile(r"(\w+://[^\s\"'?]+)\?[^\s\"']+")
_SECRET = re.compile(
    r"((?:pass(?:word|wd|phrase)?|secret|token|user-pw|api[-_]?key)[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|\S+)", re.I
)
_HIDDEN = "(hidden)"


def write_report(config: Path | None, out: Path) -> list[str]:
    """Write the archive `out` (.tar.gz), readable by its owner alone; the names of what is in it.

    Raises:
        EdgeError: it cannot be written.
    """
    hide = _hider(config)
    parts = {name: hide(text).encode() for name, text in _parts(config)}
    try:
        file = os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        with file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, data in parts.items():
                entry = tarfile.TarInfo(f"emotion-edge-report/{name}")
                entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
                archive.addfile(entry, io.BytesIO(data))
    except OSError as error:
        raise EdgeError(f"{out}: cannot be written: {error.strerror}. Give another place with --out FILE") from error
    return list(parts)


def _parts(config: Path | None) -> Iterator[tuple[str, str]]:
    told: list[str] = []
    run_doctor(config, as_json=True, write=told.append)
    yield "doctor.json", "\n".join(told)
    yield "config.toml", _text(config or DEFAULT_PATH) or "# none: all defaults\n"
    folders = (
        [Path(os.environ["RUNTIME_DIRECTORY"])] if "RUNTIME_DIRECTORY" in os.environ else _RUN.glob("emotion-edge*")
    )
    for folder in folders:
        if (flight := _text(folder / FILE)) is not None:
            yield f"{folder.name}-{FILE}", flight
    for name, command in (
        ("journal.txt", ["journalctl", "--no-pager", "-n", _LINES, "-u", "emotion-edge*"]),
        ("unit.txt", ["systemctl", "--no-pager", "show", "emotion-edge.service"]),
        ("system.txt", ["uname", "-a"]),
        ("release.txt", ["cat", "/etc/os-release"]),
    ):
        yield name, _said(command)


def _text(path: Path) -> str | None:
    """What is in `path`, or why that cannot be told; None where there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except PermissionError:
        # Of a service, whose user exists only while it runs, nobody else but root may see the files.
        return f"{path}: not readable by this user: use sudo\n"
    except OSError as error:
        return f"{path}: not readable: {error.strerror}\n"


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{' '.join(command)}: {error}\n"
    return done.stdout + done.stderr


def _hider(path: Path | None) -> Callable[[str], str]:
    """Takes out what must stay secret: the broker's password, users and queries of addresses, words after password=."""
    config = with_password_beside(Config(), path or DEFAULT_PATH)
    with contextlib.suppress(EdgeError):  # a file with mistakes goes in too, with what looks like a secret hidden
        config = read_config(path)
    secrets = {config.mqtt.username}
    with contextlib.suppress(EdgeError):
        secrets.add(find_password(config.mqtt) or "")
    if config.camera.source.startswith("gstreamer:"):
        secrets.add(config.camera.source.partition(":")[2])
    secrets = {secret for secret in secrets if len(secret) > 2}

    def hide(text: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, _HIDDEN).replace(json.dumps(secret)[1:-1], _HIDDEN)
        text = _USER.sub(rf"\1{_HIDDEN}@", text)
        text = _QUERY.sub(rf"\1?{_HIDDEN}", text)
        return _SECRET.sub(rf"\1{_HIDDEN}", text)

    return hide
