"""Sounds without speech, in groups that share no recording."""

from __future__ import annotations

import re
from pathlib import Path

from convert.datasets.speech import FOLDS, sounds

# ESC-10 and ESC-50: fold, recording, piece of it, class: 1-187207-A-20.
_PIECE = re.compile(r"\d-(\d+)-[A-Z]")


def noise_files(data: Path) -> list[Path]:
    """The sounds in the folder ``noise`` of `data`, sorted; none where there is no such folder."""
    return sounds(data / "noise")


def noise_groups(files: list[Path]) -> list[int]:
    """For each file the number of its fold, from 0: pieces of one recording are in the same one."""
    recordings = [(found.group(1) if (found := _PIECE.search(path.stem)) else path.stem) for path in files]
    order = {recording: rank for rank, recording in enumerate(dict.fromkeys(recordings))}
    return [order[recording] % len(FOLDS) for recording in recordings]
