"""What is told of one file: kept beside its results, so that a second run knows what is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import edge
from edge.config import Config

NAME = "summary.json"
#: Changes with the layout of what is written, so that results of another version are made anew.
_LAYOUT = 1


@dataclass(slots=True)
class Summary:
    """One file. `failure` says what of it could not be read (what was found before that is kept), `remarks` the rest.

    `made_with` names settings, models and version; `source_bytes` and `source_ns` (modified) the file that was read;
    `frames` counts the pictures that were looked at.
    `shares` is the mean of each sense's probabilities while it observed, `faces` how many were followed.
    """

    file: str
    folder: str
    kind: str = ""
    made_with: str = ""
    source_bytes: int = 0
    source_ns: int = 0
    length_s: float = 0.0
    took_s: float = 0.0
    cpu_s: float = 0.0
    frames: int = 0
    faces: int = 0
    face_observations: int = 0
    speech_observations: int = 0
    events: int = 0
    unmarked_events: int = 0
    shares: dict[str, dict[str, float]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    failure: str = ""

    @property
    def speed(self) -> float:
        """How many times faster than real time; 0 for an image."""
        return self.length_s / self.took_s if self.took_s > 0 else 0.0

    def write(self, folder: Path) -> None:
        """Leave it in `folder`: whole or not at all, whatever happens meanwhile."""
        part = folder / f"{NAME}.part"
        part.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), encoding="utf-8")
        part.replace(folder / NAME)


def read_summary(folder: Path) -> Summary | None:
    """The summary in `folder`; None if there is none that can be read."""
    try:
        values = json.loads((folder / NAME).read_text(encoding="utf-8"))
        known = {each.name for each in fields(Summary)}
        return Summary(**values) if isinstance(values, dict) and set(values) <= known else None
    except (OSError, ValueError, TypeError):
        return None


def made_with(config: Config, models: Sequence[str], video: bool) -> str:
    """A short name for everything that the results depend on but the file itself; `models` are their hashes."""
    parts: list[Any] = [_LAYOUT, edge.__version__, video, list(models)]
    parts += [asdict(section) for section in (config.face, config.speech, config.text, config.fusion)]
    parts += [config.camera.enabled, config.camera.fps, config.microphone.enabled]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
