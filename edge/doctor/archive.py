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
from edge.config_toml import load_config
from edge.doctor.report import run_doctor
from edge.errors import EdgeError
from edge.publish.broker import find_broker
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
    names = []
    try:
        file = os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        with file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, text in _parts(config):
                data = hide(text).encode()
                entry = tarfile.TarInfo(f"emotion-edge-report/{name}")
                entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
                archive.addfile(entry, io.BytesIO(data))
                names.append(name)
    except OSError as error:
        raise EdgeError(f"{out}: cannot be written: {error.strerror}. Give another place with --out FILE") from error
    return names


def _parts(config: Path | None) -> Iterator[tuple[str, str]]:
    told: list[str] = []
    run_doctor(config, as_json=True, write=told.append)
    yield "doctor.json", "\n".join(told)
    path = config or DEFAULT_PATH
    yield (
        "config.toml",
        path.read_text(encoding="utf-8", errors="replace") if path.exists() else "# none: all defaults\n",
    )
    folders = (
        [Path(os.environ["RUNTIME_DIRECTORY"])] if "RUNTIME_DIRECTORY" in os.environ else _RUN.glob("emotion-edge*")
    )
    for folder in folders:
        if (flight := folder / FILE).is_file():
            yield f"{folder.name}-{FILE}", flight.read_text(encoding="utf-8", errors="replace")
    for name, command in (
        ("journal.txt", ["journalctl", "--no-pager", "-n", _LINES, "-u", "emotion-edge*"]),
        ("unit.txt", ["systemctl", "--no-pager", "show", "emotion-edge.service"]),
        ("system.txt", ["uname", "-a"]),
        ("release.txt", ["cat", "/etc/os-release"]),
    ):
        yield name, _said(command)


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{' '.join(command)}: {error}\n"
    return done.stdout + done.stderr


def _hider(path: Path | None) -> Callable[[str], str]:
    """Takes out what must stay secret: the broker's password, users and queries of addresses, words after password=."""
    config = Config()
    with contextlib.suppress(EdgeError):  # a file with mistakes goes in too, with what looks like a secret hidden
        if path is not None or DEFAULT_PATH.exists():
            config = load_config(path or DEFAULT_PATH)
    secrets = {config.mqtt.username}
    with contextlib.suppress(EdgeError):
        secrets.add(find_broker(config.mqtt).password or "")
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
