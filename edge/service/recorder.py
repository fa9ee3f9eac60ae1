"""The last minutes in numbers, for a report of a fault: what health told, and nothing of what was seen or heard."""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)

FILE = "flight.json"
#: At the default rate of health: ten minutes. One report is about a kilobyte.
_KEPT = 60


class Recorder:
    """Keeps health reports in a file that survives the process: systemd's $RUNTIME_DIRECTORY, which is in memory.

    Args:
        folder: where; None: nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder else None
        self._reports: deque[Mapping[str, Any]] = deque(_before(self._path), maxlen=_KEPT)

    def note(self, report: Mapping[str, Any]) -> None:
        """Add a health report as it was published."""
        if self._path is None:
            return
        self._reports.append(report)
        new = self._path.with_suffix(".new")
        try:
            new.write_text(json.dumps(list(self._reports)), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            _LOG.warning("%s: the last minutes cannot be kept for a report: %s", self._path, error.strerror)
            self._path = None


def recorder() -> Recorder:
    """The one of this process, in the first of systemd's $RUNTIME_DIRECTORY (systemd.exec(5))."""
    folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Recorder(Path(folder) if folder else None)


def _before(path: Path | None) -> list[Mapping[str, Any]]:
    """What the process before this one kept: most of all that of one which was killed is of interest."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else []
    except (OSError, ValueError):
        return []
    return kept if isinstance(kept, list) else []
