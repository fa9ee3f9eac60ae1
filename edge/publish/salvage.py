"""A store that can be used, whatever is found at its place: damage is put aside, what was in it is saved."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from edge.publish.store import WORDS, GapOf, Store, StoredEvent, read_newest

_log = logging.getLogger(__name__)

#: Without a disk the events are in memory, which the service has little of: about twenty thousand events.
MEMORY_BYTES = 8_000_000
MEMORY_EVENTS = 10_000
#: Put aside for a person to look at; older ones are deleted, or a card that fails again and again would fill up.
_KEPT_ASIDE = 2


@dataclass(slots=True, eq=False)
class Opened:
    """A store, what is wrong with its storage ("" if nothing), and what was saved from a damaged or closed file.

    `last_known`: False if sequence numbers above `store.last` may have been used.
    """

    store: Store
    problem: str = ""
    saved: list[StoredEvent] = field(default_factory=list)
    last_known: bool = True
    path_damaged: bool = False


def storage_path(outbox_file: str) -> Path | None:
    """Where the outbox lies: `outbox_file`, else in the state directory that systemd gives, else nowhere."""
    if outbox_file:
        return Path(outbox_file)
    directory = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(directory) / "outbox.sqlite" if directory else None


def open_store(path: Path | None, most_bytes: int, gap_of: GapOf) -> Opened:
    """The store at `path`; a new one if that is damaged; one in memory if nothing can be written there."""
    if path is None:
        return Opened(Store(None, min(most_bytes, MEMORY_BYTES), gap_of))
    try:
        return Opened(Store(path, most_bytes, gap_of), last_known=not behind(path).exists())
    except (sqlite3.OperationalError, OSError) as error:
        # Another process's events are delivered by that one.
        saved = [] if "locked" in str(error) else rescue(path, MEMORY_EVENTS)
        return Opened(in_memory(most_bytes, gap_of), _unusable(path, error), saved, last_known=False)
    except sqlite3.DatabaseError as error:
        return replace_damaged(path, error, most_bytes, gap_of)


def in_memory(most_bytes: int, gap_of: GapOf) -> Store:
    return Store(None, min(most_bytes, MEMORY_BYTES), gap_of)


def replace_store(path: Path | None, error: sqlite3.Error, most_bytes: int, gap_of: GapOf) -> Opened:
    """After a failure in use: a new file if it is damaged, else memory. The failed store is closed."""
    if path is None:
        return Opened(in_memory(most_bytes, gap_of))
    if isinstance(error, sqlite3.OperationalError):  # full, read-only, input/output error
        return Opened(in_memory(most_bytes, gap_of), _unusable(path, error))
    return replace_damaged(path, error, most_bytes, gap_of)


def replace_damaged(path: Path, error: Exception, most_bytes: int, gap_of: GapOf) -> Opened:
    """Put the file at `path` aside, save what can be read of it, and begin a new one."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    try:
        for suffix in ("-wal", ""):  # the log first: the table without its log is old, but whole
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.replace(aside.with_name(aside.name + suffix))
        saved = rescue(aside, MEMORY_EVENTS)
        store = Store(path, most_bytes, gap_of)
    except (sqlite3.Error, OSError) as second:
        return Opened(in_memory(most_bytes, gap_of), _unusable(path, second), last_known=False, path_damaged=True)
    _log.warning(
        "%s: damaged (%s): expected the outbox that this service wrote. It is kept as %s; %d events were saved from "
        "it. Check the disk (dmesg, fsck)",
        path,
        error,
        aside,
        len(saved),
    )
    old = sorted(path.parent.glob(f"{path.name}.damaged-*Z"))[:-_KEPT_ASIDE]
    for each in old:
        each.with_name(each.name + "-wal").unlink(missing_ok=True)
        each.unlink(missing_ok=True)
    return Opened(store, "", saved, last_known=False, path_damaged=True)


def rescue(path: Path, limit: int) -> list[StoredEvent]:
    """What can be read of a damaged file, or of one on a disk that cannot be written; changes nothing in it."""
    for options in ("mode=rw", "mode=ro&immutable=1"):  # the second reads without the log, where that cannot be used
        with contextlib.suppress(sqlite3.Error):
            database = sqlite3.connect(f"file:{quote(str(path))}?{options}", uri=True, isolation_level=None)
            with contextlib.closing(database):
                row = database.execute("SELECT words FROM dictionary").fetchone()
                return read_newest(database, row[0] if row else WORDS, limit)
    return []


def behind(path: Path) -> Path:
    """A mark that the file was left behind: the service went on in memory, and the file's last number is not the
    last."""
    return path.with_name(path.name + ".behind")


def _unusable(path: Path, error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"{path}: {reason}"
