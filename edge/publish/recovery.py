"""Where the events lie when something is wrong with that place: damage is put aside, a disk that cannot be written is
replaced by memory, and what is in memory comes back to the disk."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.publish import salvage
from edge.publish.store import GapOf, Store, StoredEvent

_log = logging.getLogger(__name__)

#: Without a disk that can be written: how often it is tried again.
_RETRY_DISK_S = 5.0
#: How often it is asked whether the disk still has room: that alone writes nothing.
_LOOK_S = 2.0
#: With less than this a disk is full: SQLite's next page may not fit, nor what is needed to leave for memory.
_LEAST_FREE_BYTES = 64 * 1024
#: Brought from memory to the disk: more than memory holds.
_MOST_RETURNED = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Reopened:
    """The file that can be written again, the events that were brought there, and how many it now holds."""

    store: Store
    brought: list[StoredEvent]
    waiting: int


class Storage:
    """The store in use. One thread's, the one that waits for the disk; others may look at `problem`.

    Args:
        path: of the file; None: in memory, and nothing to recover.
        most_bytes: of the table.
        gap_of: makes the record of a loss.
        utc_ms: milliseconds since 1970, now.
    """

    def __init__(self, path: Path | None, most_bytes: int, gap_of: GapOf, utc_ms: Callable[[], int]) -> None:
        self._path, self._most_bytes, self._gap_of = path, most_bytes, gap_of
        self._retry_s = time.monotonic() + _RETRY_DISK_S
        opened = salvage.open_store(path, most_bytes, gap_of)
        self.store = opened.store
        #: What is wrong with the disk; "" if nothing.
        self.problem = opened.problem
        #: What the next write will fail for; "" if nothing. It is still tried: a write may need no more room.
        self.foreseen = ""
        self._look_s = time.monotonic() if path else math.inf
        #: Found at the start: the last sequence number that may have been used, and how many events waited.
        self.last, self.queued = self.store.last, self.store.count
        self._parked_from: int | None = None
        self._take_over(opened, utc_ms)

    @property
    def keeps(self) -> bool:
        """What is stored outlives the process."""
        return self._path is not None and not self.problem

    @property
    def retry_s(self) -> float:
        """When the disk is to be tried again, in monotonic seconds; never if nothing is wrong with it."""
        return self._retry_s if self.problem else math.inf

    @property
    def due_s(self) -> float:
        """When there is something to do here without an event, in monotonic seconds."""
        return min(self.retry_s, self._look_s)

    def look(self, now_s: float) -> None:
        """Notice a disk that is full or read-only before an event has to; cheap, at most every `_LOOK_S`."""
        if self._path is None or now_s < self._look_s:
            return
        self._look_s = now_s + _LOOK_S
        before, self.foreseen = self.foreseen, "" if self.problem else _foreseen(self._path)
        if self.foreseen and not before:
            _log.warning("outbox: %s: events will be kept in memory, and lost with the process", self.foreseen)
        elif before and not (self.foreseen or self.problem):
            _log.info("outbox: %s: all is well again", self._path)

    def _take_over(self, opened: salvage.Opened, utc_ms: Callable[[], int]) -> None:
        """At the start: go on with what was found, behind every number that may have been used."""
        if not opened.last_known:
            known = max([self.store.last, *(event.sequence for event in opened.saved)])
            # Seconds since 1970: no device has told an event a second all its life, so none was numbered so high.
            self.last = max(known + 1, utc_ms() // 1000)
            first = known + 1 if self.store.last else 1
            opened.saved.append(self._gap_of(first, self.last, -1, "damaged"))
            self._parked_from = opened.saved[0].sequence
            self.queued += sum(not event.lost for event in opened.saved)
            try:
                self.store.commit(opened.saved, ())
            except sqlite3.Error as error:
                self.problem = f"{self._path}: {error}"
                self.store = salvage.in_memory(self._most_bytes, self._gap_of)
                self.store.commit(opened.saved, ())
            _log.warning(
                "outbox: the last sequence number is not certain: going on with %d, and a gap record", self.last + 1
            )
        self.tell_problem()

    def open_another(self, error: sqlite3.Error) -> salvage.Opened:
        """The storage failed: a new file if this one is damaged, else memory, still empty; `saved`, in order, is what
        could be read of the old one. To be given to `fill`."""
        saved: list[StoredEvent] = []
        with contextlib.suppress(sqlite3.Error):
            saved = self.store.newest(salvage.MEMORY_EVENTS)
        self.close()
        opened = salvage.replace_store(self._path, error, self._most_bytes, self._gap_of)
        found = {event.sequence: event for event in (*opened.saved, *saved)}
        opened.saved = [found[number] for number in sorted(found)]
        return opened

    def with_damage(self, kept: list[StoredEvent], lost: int, last: int) -> list[StoredEvent]:
        """`kept`, with the record of `lost` events up to number `last` that the damaged file did not give back."""
        taken = {event.sequence for event in kept}
        free = next((number for number in range(last, 0, -1) if number not in taken), 0)
        if not free:
            return kept
        return sorted([*kept, self._gap_of(1, free, lost, "damaged")], key=lambda event: event.sequence)

    def fill(self, opened: salvage.Opened, kept: Sequence[StoredEvent], last: int) -> None:
        """Put `kept` into what `open_another` gave; `last` is the last number ever used. Then comes `adopt`."""
        try:
            opened.store.replace_from(0, kept, last)
        except sqlite3.Error as second:
            opened.problem = opened.problem or f"{self._path}: {second}"
            opened.store = salvage.in_memory(self._most_bytes, self._gap_of)
            opened.store.replace_from(0, kept, last)
        self._parked_from = kept[0].sequence if kept else last
        self._retry_s = time.monotonic() + _RETRY_DISK_S

    def adopt(self, store: Store, problem: str = "") -> Store:
        """Use this one from now on; returns the one before."""
        before, self.store, self.problem = self.store, store, problem
        return before

    def reopen(self, settled: Collection[int]) -> Reopened | None:
        """Bring what is in memory, but for `settled`, to the file, if it can be written again. Then come `adopt` and
        `leave_memory`."""
        self._retry_s = time.monotonic() + _RETRY_DISK_S
        if self._path is None:
            return None
        opened = salvage.open_store(self._path, self._most_bytes, self._gap_of)
        if opened.problem:
            self.problem = opened.problem
            opened.store.close()
            return None
        brought = [event for event in self.store.newest(_MOST_RETURNED) if event.sequence not in settled]
        try:
            opened.store.replace_from(self._parked_from or self.store.last, brought, self.store.last)
            return Reopened(opened.store, brought, opened.store.waiting())
        except sqlite3.Error as error:
            self.problem = f"{self._path}: {error}"
            opened.store.close()
            return None

    def leave_memory(self, memory: Store, brought: int) -> None:
        """The disk is in use again, and `brought` events of `memory` are there."""
        memory.close()
        if self._path is not None:
            salvage.behind(self._path).unlink(missing_ok=True)
        _log.info("%s: can be written again: %d events were brought there", self._path, brought)

    def close(self) -> None:
        """Close the store, whatever is wrong with it."""
        with contextlib.suppress(sqlite3.Error):
            self.store.close()

    def tell_problem(self) -> None:
        """In the log, and by a mark beside the file for the next start."""
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            if self.problem:
                salvage.behind(self._path).touch()
            else:
                salvage.behind(self._path).unlink(missing_ok=True)
        if self.problem:
            _log.warning(
                "outbox: %s: expected a file that can be written. Events are kept in memory, and lost with the "
                "process, until it can; tried again every %d s. Check space, mount and permissions of the disk",
                self.problem,
                _RETRY_DISK_S,
            )


def _foreseen(path: Path) -> str:
    try:
        told = os.statvfs(path)
    except OSError as error:  # gone; an event will be told more
        return f"{path}: {error.strerror}"
    if told.f_flag & os.ST_RDONLY:
        return f"{path}: the disk is read-only"
    # Root may use what is reserved for it.
    free_bytes = (told.f_bavail if os.geteuid() else told.f_bfree) * told.f_frsize
    return f"{path}: the disk is full" if free_bytes < _LEAST_FREE_BYTES else ""
