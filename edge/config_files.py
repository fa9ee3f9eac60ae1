"""The configuration as the service has it, and the files that it names: can they be read, by the user who asks?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from edge.config import DEFAULT_PATH, PASSWORD_NAME, Config
from edge.config_toml import load_config

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


def read_config(path: Path | None) -> Config:
    """The configuration of `path`; None: of the default path, or all defaults if that does not exist.

    Raises:
        ConfigError: as `load_config`.
    """
    if path is None and not os.path.lexists(DEFAULT_PATH):
        return Config()
    path = path or DEFAULT_PATH
    return with_password_beside(load_config(path), path)


def with_password_beside(config: Config, path: Path) -> Config:
    """`config` with the password in the folder of its file `path`, which the unit loads as its credential.

    So a command that a person starts enters the broker as the service does. Nothing changes where systemd has given
    credentials, and where the file is absent, empty, or not for this user to read.
    """
    beside = path.absolute().parent / PASSWORD_NAME
    if "CREDENTIALS_DIRECTORY" in os.environ:
        return config
    try:
        with beside.open("rb") as file:
            if not file.read(1):
                return config
    except OSError:
        return config
    return replace(config, mqtt=replace(config.mqtt, password_file=str(beside)))


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
