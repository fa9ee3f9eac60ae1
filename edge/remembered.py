"""What outlives a restart: a few words in one small file, never an image, a sound or an estimate."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

from edge.whole_file import write_whole

_LOG = logging.getLogger(__name__)

FILE = "remembered.json"
#: The file holds a few hundred bytes; one of more than this is not ours.
_MOST_BYTES = 65_536


class Remembered:
    """Named JSON values, each replaced as a whole; safe to use from any thread.

    Args:
        path: the file; None: only as long as the process lives.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {}
        #: The file is there but cannot be understood: what it said is not known.
        self.damaged = False
        if path is not None and path.exists():
            self._read(path)

    @property
    def kept(self) -> bool:
        """Values are written to a file."""
        return self._path is not None

    def get(self, name: str) -> Any:
        """The value of `name`, None if it was never put."""
        with self._lock:
            return self._values.get(name)

    def put(self, name: str, value: Any) -> bool:
        """Replace the value of `name`; False if it will be forgotten with the process (the log says why)."""
        with self._lock:
            self._values[name] = value
            return self._path is not None and self._write(self._path)

    def _read(self, path: Path) -> None:
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError("too large")
            values = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(values, dict):
                raise ValueError("expected an object")  # noqa: TRY004 - told below like every damage
            self._values = values
        except (OSError, ValueError, RecursionError) as error:
            self.damaged = True
            _LOG.warning("%s: cannot be understood (%s); what it said is not known", path, error)

    def _write(self, path: Path) -> bool:
        try:
            write_whole(path, json.dumps(self._values))
        except OSError as error:
            _LOG.warning("%s: cannot be written (%s): a restart will not know of it", path, error.strerror)
            return False
        self.damaged = False
        return True


def from_environment() -> Remembered:
    """In the first of systemd's $STATE_DIRECTORY (systemd.exec(5)); without it nothing outlives the process."""
    folder = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Remembered(Path(folder) / FILE if folder else None)
