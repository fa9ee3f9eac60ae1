"""Which sounds a run was trained on, kept beside its model, so that an evaluation can tell a leak."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path

from convert.datasets.speech import Clip, check_no_leak
from edge.errors import ConfigError

log = logging.getLogger(__name__)

_FILE = "trained_on.csv"
_COLUMNS = ("corpus", "speaker", "emotion", "file", "sha256")


def write_trained_on(folder: Path, marked: Sequence[tuple[Clip, str]]) -> None:
    """Write the clips, each with the digest of its samples, to ``trained_on.csv`` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _FILE).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        table.writerows((clip.corpus, clip.speaker, clip.emotion, clip.path.name, mark) for clip, mark in marked)


def check_unheard(folder: Path, marked: Sequence[tuple[Clip, str]]) -> None:
    """Refuse to test the run in `folder` on a speaker, or a sound, that it was trained on.

    A run without ``trained_on.csv``, of an older version, is only warned about.

    Args:
        marked: the clips to test on, each with the digest of its samples.

    Raises:
        ConfigError: there is a leak, or the file is damaged.
    """
    path = folder / _FILE
    if not path.is_file():
        log.warning(
            "%s: no %s, so nobody can tell whether it was trained on sounds of this test. "
            "'emotion-convert train speech --resume' writes it.",
            folder,
            _FILE,
        )
        return
    try:
        with path.open(newline="", encoding="utf-8") as file:
            known = [
                (Clip(Path(row["file"]), row["corpus"], row["speaker"], row["emotion"]), row["sha256"])
                for row in csv.DictReader(file)
            ]
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{path}: expected what 'emotion-convert train speech' writes: {error!r}.") from error
    check_no_leak(known, marked)
