"""The files that a configuration names: can they be read? As far as the user who asks can tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.config import Config

_KEYS = {
    "mqtt": ("password_file", "ca_file", "cert_file", "key_file"),
    "vehicle": ("ca_file", "token_file"),
    "web": ("tokens_file", "cert_file", "key_file"),
}


class Unreadable(NamedTuple):
    """A file that could not be opened; `certain`: nobody else could either."""

    key: str
    path: Path
    reason: str
    certain: bool

    def __str__(self) -> str:
        return f"[{self.key.replace('.', '] ')}: {self.path}: {self.reason}"


def unreadable_files(config: Config) -> Iterator[Unreadable]:
    """Try each certificate, key, password and token file that `config` names."""
    for section, keys in _KEYS.items():
        for key in keys:
            name = getattr(getattr(config, section), key)
            if not name:
                continue
            path = Path(name)
            try:
                path.open("rb").close()
            except OSError as error:
                certain = not isinstance(error, PermissionError)
                yield Unreadable(f"{section}.{key}", path, error.strerror or str(error), certain)
