"""Events on their way: stored before they are sent, kept until the broker has acknowledged them.

Three threads meet here: any hands events over (`add`), one holds the connection (`begin` to `end`), and one of the
outbox's own waits for the disk, so that no other ever does.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.publish import salvage
from edge.publish.bucket import Bucket
from edge.publish.lanes import PIECE, Lanes
from edge.publish.payloads import Body
from edge.publish.store import LATE_AFTER_MS, StoredEvent

_log = logging.getLogger(__name__)

#: A commit costs an SD card at least a block: events that come faster than this share one. So do, in the long run,
#: those that come faster than `commit_hz`; a quiet time saves up for so many in a row. A full one need not wait.
_COMMIT_S = 0.1
SAVED_COMMITS = 3600
_COMMIT_EVENTS = 500
#: What was acknowledged is deleted with the next event, or when there is so much of it, or after so long without one.
_MOST_SETTLED, _SETTLED_S = 1000, 60.0
#: Without a disk that can be written: how often it is tried again.
_RETRY_DISK_S = 5.0
#: Handed over while the disk hangs.
_MOST_NEW = 10_000
_DAY_MS = 86_400_000
#: Refusals that pass: unspecified, implementation specific, quota exceeded (MQTT 5.0, 3.4.2.1). Tried so often in all,
#: with a pause; every other one is final.
_PASSING, _TRIES, _PAUSE_S = (0x80, 0x83, 0x97), 3, 2.0
_ACCEPTED_BELOW = 0x80

BodyOf = Callable[[int], Body]
#: first, last, how many (None: not known), why -> the payload of a gap record
GapBody = Callable[[int, int, "int | None", str], Body]


class Outbox:
    """Takes events, gives them to the one that sends, and counts: those added since the start and those that the
    store held then = acknowledged + `queued` + `dropped` + `refused`.

    Args:
        path: of the database; None: in memory, lost with the process.
        commit_hz: how many commits a second in the long run: the longest that an event waits for company is one by it.
        drain_hz: at which rate an outage's backlog is sent.
        utc_ms: milliseconds since 1970, now.
        gap_body: makes the record that tells consumers of a loss.
        on_ready: called from the outbox's thread when there is something to send.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        most_bytes: int,
        most_days: float,
        commit_hz: float,
        drain_hz: float,
        utc_ms: Callable[[], int],
        gap_body: GapBody,
        on_ready: Callable[[], None],
    ) -> None:
        self._path, self._most_bytes, self._most_ms = path, most_bytes, int(most_days * _DAY_MS)
        self._utc_ms, self._gap_body, self._on_ready = utc_ms, gap_body, on_ready
        self._lanes = Lanes(drain_hz)
        self._pace = Bucket(SAVED_COMMITS, commit_hz, time.monotonic())
        self._news = threading.Condition()
        self._new: list[StoredEvent] = []
        self._settled: set[int] = set()
        self._tries: dict[int, int] = {}
        self._lost: tuple[int, int, int] | None = None
        self._online = self._arrange = self._closing = self._closed = False
        self._commit_s = self._expired_s = -1e9
        self._retry_s = time.monotonic() + _RETRY_DISK_S
        self._events = self._dropped = self._refused = self._connections = 0
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        opened = salvage.open_store(path, most_bytes, self._gap)
        self._store, self._problem = opened.store, opened.problem
        self._last, self._queued = self._store.last, self._store.count
        self._parked_from: int | None = None
        self._take_over(opened)

    @property
    def events(self) -> int:
        """Events added since the start."""
        return self._events

    @property
    def queued(self) -> int:
        """Events that the broker has not acknowledged."""
        return self._queued

    @property
    def dropped(self) -> int:
        """Events that were forced out by the bounds, or lost with a damaged file."""
        return self._dropped

    @property
    def refused(self) -> int:
        """Events that the broker refused."""
        return self._refused

    @property
    def keeps(self) -> bool:
        """What is queued outlives the process."""
        return self._path is not None and not self._problem

    def health(self) -> dict[str, Any]:
        """For the health report."""
        return {"storage": "disk" if self.keeps else "memory", "problem": self._problem}

    def start(self) -> None:
        self._thread.start()

    def add(self, body_of: BodyOf, *, observed_ms: int) -> None:
        """Append the event that `body_of` makes for the next sequence number."""
        with self._news:
            body = body_of(self._last + 1)  # before counting: an event that cannot be told leaves no gap
            self._last += 1
            self._events += 1
            self._queued += 1
            self._new.append(StoredEvent(self._last, self._utc_ms(), observed_ms, body))
            if len(self._new) > _MOST_NEW:
                self._lose(self._new.pop(0).sequence)
                self._dropped += 1
            self._news.notify()

    def begin(self) -> None:
        """There is a new connection."""
        with self._news:
            self._lanes.clear()
            self._lanes.more = False  # until the thread has looked
            self._online = self._arrange = True
            self._connections += 1
            self._news.notify()

    def end(self) -> None:
        """The connection is gone: what it did not acknowledge waits again, and may arrive twice."""
        with self._news:
            self._online = self._arrange = False
            self._lanes.clear()

    def take(self, now_s: float) -> StoredEvent | None:
        """The next event to send at `now_s`, monotonic; `sent` says under which id that was done."""
        with self._news:
            event = self._lanes.take(now_s) if self._online else None
            if self._lanes.hungry:
                self._news.notify()
            return event

    def sent(self, message_id: int) -> None:
        """What `take` gave last is on its way."""
        with self._news:
            self._lanes.sent(message_id)

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until `take` gives something; None if nothing is known to come."""
        with self._news:
            wait_s = self._lanes.wait_s(now_s)
            if wait_s is None and (self._new or self._lanes.more or self._arrange):
                return 1.0  # `on_ready` comes first
            return wait_s

    def answered(self, message_id: int, reason_code: int) -> None:
        """The broker acknowledged (below 128; 16 is nobody listened) or refused a message."""
        with self._news:
            event = self._lanes.settle(message_id)
            if event is None:
                return
            number = event.sequence
            accepted = reason_code < _ACCEPTED_BELOW
            tries = self._tries.pop(number, 0) + 1
            if reason_code in _PASSING and tries < _TRIES:
                self._tries[number] = tries
                self._lanes.again(event, time.monotonic() + _PAUSE_S)
                return
            self._settled.add(number)
            if not event.lost:
                self._queued -= 1
                self._refused += not accepted
            if accepted:
                self._tell_lost()
            elif not event.lost:
                self._lose(number)
            if len(self._settled) >= _MOST_SETTLED:
                self._news.notify()

    def hurry(self) -> None:
        """The end is near: do not wait for company before a commit."""
        with self._news:
            self._closing = True
            self._news.notify()

    def close(self, timeout_s: float) -> bool:
        """Store what is new and close the file; True if that was done in time."""
        self.hurry()
        if self._thread.is_alive():
            with self._news:
                self._closed = True
                self._news.notify()
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        if not self._closed:
            self._closed = True
            self._finish()
        return True

    def _gap(self, first: int, last: int, count: int, reason: str) -> StoredEvent:
        now_ms = self._utc_ms()
        body = self._gap_body(first, last, count if count > 0 else None, reason)
        return StoredEvent(last, now_ms, now_ms, body, lost=count)

    def _lose(self, number: int) -> None:
        first, last, count = self._lost or (number, number, 0)
        self._lost = (min(first, number), max(last, number), count + 1)

    def _tell_lost(self) -> None:
        """The broker takes events: it can be told of those that it refused, or that a hanging disk cost."""
        if self._lost:
            first, last, count = self._lost
            self._lost = None
            self._settled.discard(last)  # its row becomes the record's
            self._new.append(self._gap(first, last, count, "refused"))
            self._news.notify()

    # What follows runs in the outbox's thread.

    def _run(self) -> None:
        while not self._closed:
            with self._news:
                wait_s = self._wait_s()
                if wait_s > 0:
                    self._news.wait(wait_s)
            try:
                self._work()
            except sqlite3.Error as error:
                self._change_store(error)
            except Exception:
                _log.exception("outbox: unexpected error, trying again")
                time.sleep(1)
        self._finish()

    def _wait_s(self) -> float:
        """Seconds until there is work; a notification comes when it is sooner."""
        if self._closed or self._arrange or (self._online and self._lanes.hungry):
            return 0.0
        now_s = time.monotonic()
        due_s = [self._retry_s if self._problem else now_s + _SETTLED_S]
        if self._new:
            due_s.append(self._due_s(now_s))
        if self._settled:
            due_s.append(self._commit_s + (_COMMIT_S if len(self._settled) >= _MOST_SETTLED else _SETTLED_S))
        return min(due_s) - now_s

    def _due_s(self, now_s: float) -> float:
        """When what is new should be committed."""
        if self._closing or not self.keeps:
            return self._commit_s
        due_s = self._commit_s + _COMMIT_S
        return due_s if len(self._new) >= _COMMIT_EVENTS else max(due_s, now_s + self._pace.wait_s(now_s))

    def _work(self) -> None:
        now_s = time.monotonic()
        if self._problem and now_s >= self._retry_s:
            self._return_to_disk()
        idle = self._settled and now_s >= self._commit_s + _SETTLED_S
        if (self._new and now_s >= self._due_s(now_s)) or len(self._settled) >= _MOST_SETTLED or idle:
            self._commit()
        if self._arrange:
            self._sort()
        elif self._online and self._lanes.hungry:
            after = self._lanes.read_after
            piece = self._store.read(after, PIECE)
            with self._news:
                if self._online and not self._arrange and self._lanes.read_after == after:
                    self._lanes.refill(piece, self._settled)
            self._on_ready()

    def _commit(self) -> None:
        with self._news:
            events, settled = self._new[:_COMMIT_EVENTS], set(self._settled)
        now_s, expired_ms = time.monotonic(), 0
        if now_s - self._expired_s > _SETTLED_S:
            self._expired_s, expired_ms = now_s, self._utc_ms() - self._most_ms
        forced = set(self._store.commit(events, settled, expired_ms))
        self._commit_s = time.monotonic()
        self._pace.take(self._commit_s)
        with self._news:
            del self._new[: len(events)]
            self._settled -= settled
            dropped = len(forced - self._settled)  # some were acknowledged while they were forced out
            self._queued -= dropped
            self._dropped += dropped
            if forced:
                self._lanes.forget(forced)
                self._lanes.more, self._lanes.read_after = True, 0  # the gap record is there
            for event in events:
                if self._online and not self._arrange and event.sequence not in forced:
                    self._lanes.add(event)
        if events:
            self._on_ready()

    def _sort(self) -> None:
        """A connection begins: what is live, and what is backlog?"""
        with self._news:
            connection = self._connections
        rows = self._store.read(0, self._lanes.in_order + 1)
        more = len(rows) > self._lanes.in_order
        if more:
            rows = self._store.read(0, self._lanes.in_order, since_ms=self._utc_ms() - LATE_AFTER_MS)
        with self._news:
            if self._arrange and self._connections == connection:  # else it was lost meanwhile
                self._lanes.begin(rows, self._settled, more=more)
                self._arrange = False
        self._on_ready()

    def _finish(self) -> None:
        try:
            while self._new:
                self._commit()
            self._store.commit((), self._settled)
        except sqlite3.Error as error:
            _log.warning("outbox: the last events could not be stored: %s", error)
        with contextlib.suppress(sqlite3.Error):
            self._store.close()

    def _take_over(self, opened: salvage.Opened) -> None:
        """At the start: go on with what was found, behind every number that may have been used."""
        if not opened.last_known:
            known = max([self._store.last, *(event.sequence for event in opened.saved)])
            # Seconds since 1970: no device has told an event a second all its life, so none was numbered so high.
            self._last = max(known + 1, self._utc_ms() // 1000)
            first = known + 1 if self._store.last else 1
            opened.saved.append(self._gap(first, self._last, -1, "damaged"))
            self._parked_from = opened.saved[0].sequence
            self._queued += sum(not event.lost for event in opened.saved)
            try:
                self._store.commit(opened.saved, ())
            except sqlite3.Error as error:
                self._problem = f"{self._path}: {error}"
                self._store = salvage.in_memory(self._most_bytes, self._gap)
                self._store.commit(opened.saved, ())
            _log.warning(
                "outbox: the last sequence number is not certain: going on with %d, and a gap record", self._last + 1
            )
        self._tell_problem()

    def _change_store(self, error: sqlite3.Error) -> None:
        """The storage failed: go on with a new file if this one is damaged, else in memory."""
        saved: list[StoredEvent] = []
        with contextlib.suppress(sqlite3.Error):
            saved = self._store.newest(salvage.MEMORY_EVENTS)
        with contextlib.suppress(sqlite3.Error):
            self._store.close()
        opened = salvage.replace_store(self._path, error, self._most_bytes, self._gap)
        with self._news:
            found = {event.sequence: event for event in (*opened.saved, *saved)}
            kept = [found[number] for number in sorted(found) if number not in self._settled]
            if opened.path_damaged:
                kept = self._without_the_damaged(kept)
            last = max(self._last - len(self._new), 1)
        try:
            opened.store.replace_from(0, kept, last)
        except sqlite3.Error as second:
            opened.problem = opened.problem or f"{self._path}: {second}"
            opened.store = salvage.in_memory(self._most_bytes, self._gap)
            opened.store.replace_from(0, kept, last)
        with self._news:
            self._store, self._problem = opened.store, opened.problem
            self._parked_from = kept[0].sequence if kept else last
            self._retry_s = time.monotonic() + _RETRY_DISK_S
            self._lanes.rewind()
            self._arrange = self._online  # in order again, as far as that goes
        self._tell_problem()

    def _without_the_damaged(self, kept: list[StoredEvent]) -> list[StoredEvent]:
        """Count what the damaged file did not give back, and add the record of it."""
        lost = self._queued - sum(not event.lost for event in (*kept, *self._new))
        if lost <= 0:
            return kept
        self._queued -= lost
        self._dropped += lost
        taken = {event.sequence for event in kept}
        last = next((n for n in range(self._last - len(self._new), 0, -1) if n not in taken), 0)
        return sorted([*kept, self._gap(1, last, lost, "damaged")], key=lambda e: e.sequence) if last else kept

    def _return_to_disk(self) -> None:
        """Bring what is in memory to the file, if it can be written again."""
        self._retry_s = time.monotonic() + _RETRY_DISK_S
        if self._path is None:
            return
        opened = salvage.open_store(self._path, self._most_bytes, self._gap)
        if opened.problem:
            self._problem = opened.problem
            opened.store.close()
            return
        memory = self._store
        kept = [event for event in memory.newest(_MOST_NEW * 10) if event.sequence not in self._settled]
        try:
            opened.store.replace_from(self._parked_from or memory.last, kept, memory.last)
            count = opened.store.waiting()
        except sqlite3.Error as error:
            self._problem = f"{self._path}: {error}"
            opened.store.close()
            return
        with self._news:
            self._store, self._problem = opened.store, ""
            self._queued = count + sum(not event.lost for event in self._new)
            self._queued -= sum(number in self._settled for number in (event.sequence for event in kept))
            self._lanes.rewind()
            self._arrange = self._online  # in order again, as far as that goes
        memory.close()
        salvage.behind(self._path).unlink(missing_ok=True)
        _log.info("%s: can be written again: %d events were brought there", self._path, len(kept))

    def _tell_problem(self) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            if self._problem:
                salvage.behind(self._path).touch()
            else:
                salvage.behind(self._path).unlink(missing_ok=True)
        if self._problem:
            _log.warning(
                "outbox: %s: expected a file that can be written. Events are kept in memory, and lost with the "
                "process, until it can; tried again every %d s. Check space, mount and permissions of the disk",
                self._problem,
                _RETRY_DISK_S,
            )
