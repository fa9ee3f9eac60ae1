"""Events on their way: stored before they are sent, kept until the broker has acknowledged them.

Three threads meet here: any hands events over (`add`), one holds the connection (`begin` to `end`), and one of the
outbox's own waits for the disk, so that no other ever does.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.publish.commit_pace import COMMIT_EVENTS, MOST_SETTLED, CommitPace, Pending
from edge.publish.lanes import PIECE, Lanes
from edge.publish.losses import ACCEPTED_BELOW, PAUSE_S, GapBody, Losses, gap_with
from edge.publish.recovery import Storage
from edge.publish.store import LATE_AFTER_MS, BodyOf, StoredEvent

_log = logging.getLogger(__name__)

#: Handed over while the disk hangs.
_MOST_NEW = 10_000
_DAY_MS = 86_400_000


class Outbox:
    """Takes events, gives them to the one that sends, and counts: those added since the start and those that the
    store held then = acknowledged + `queued` + `dropped` + `refused`.

    Args:
        path: of the database; None: in memory, lost with the process.
        commit_hz: how many commits a second in the long run: the longest that an event waits for company is one by it.
        drain_hz: at which rate an outage's backlog is sent.
        utc_ms: milliseconds since 1970, now.
        clock_set: False while that is known to be wrong: nothing is too old then.
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
        clock_set: Callable[[], bool] = lambda: True,
        gap_body: GapBody,
        on_ready: Callable[[], None],
    ) -> None:
        self._utc_ms, self._clock_set, self._on_ready = utc_ms, clock_set, on_ready
        self._most_ms = int(most_days * _DAY_MS)
        self._lanes = Lanes(drain_hz)
        self._pace = CommitPace(commit_hz)
        self._news = threading.Condition()
        self._new: list[StoredEvent] = []
        self._settled: set[int] = set()
        self._online = self._arrange = self._closing = self._closed = False
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        gap_of = gap_with(gap_body, utc_ms)
        self._losses = Losses(gap_of)
        self._storage = Storage(path, most_bytes, gap_of, utc_ms)
        self._last = self._storage.last
        #: Events that the broker has not acknowledged.
        self.queued = self._storage.queued
        #: Events added since the start; forced out by the bounds, or lost with a damaged file; refused by the broker.
        self.events = self.dropped = self.refused = 0
        self._connections = 0

    @property
    def keeps(self) -> bool:
        """What is queued outlives the process."""
        return self._storage.keeps

    def health(self) -> dict[str, Any]:
        """For the health report."""
        return {"storage": "disk" if self.keeps else "memory", "problem": self.problem}

    @property
    def problem(self) -> str:
        """Why events are not kept on the disk, or soon will not be; "" if all is well."""
        return self._storage.problem or self._storage.foreseen

    def start(self) -> None:
        self._thread.start()

    def add(self, body_of: BodyOf, *, observed_ms: int) -> None:
        """Append the event that `body_of` makes for the next sequence number."""
        with self._news:
            body = body_of(self._last + 1)  # before counting: an event that cannot be told leaves no gap
            self._last += 1
            self.events += 1
            self.queued += 1
            self._new.append(StoredEvent(self._last, self._utc_ms(), observed_ms, body, dated=self._clock_set()))
            if len(self._new) > _MOST_NEW:
                self._losses.add(self._new.pop(0).sequence)
                self.dropped += 1
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
            if self._losses.again(number, reason_code):
                self._lanes.again(event, time.monotonic() + PAUSE_S)
                return
            accepted = reason_code < ACCEPTED_BELOW
            self._settled.add(number)
            if not event.lost:
                self.queued -= 1
                self.refused += not accepted
            if not (accepted or event.lost):
                self._losses.add(number)
            # A broker that takes events can be told of those that it refused, or that a hanging disk cost.
            if accepted and (record := self._losses.take_record()):
                self._settled.discard(record.sequence)  # its row becomes the record's
                self._new.append(record)
                self._news.notify()
            if len(self._settled) >= MOST_SETTLED:
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
        return min(self._storage.due_s, self._pace.next_s(now_s, self._pending())) - now_s

    def _pending(self) -> Pending:
        """What there is to commit; without a disk to spare, waiting gains nothing."""
        return Pending(len(self._new), len(self._settled), hurry=self._closing or not self.keeps)

    def _work(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._storage.retry_s:
            self._return_to_disk()
        self._storage.look(now_s)
        # One that begins from here on has its turn next: events are sent only after this look.
        arrange = self._arrange
        # Before a connection begins, too: what is too old by now is told as lost, and must not be sent as well.
        if arrange or self._pace.is_due(now_s, self._pending()):
            self._commit(look=arrange)
        if arrange:
            self._sort()
        elif self._online and self._lanes.hungry:
            after = self._lanes.read_after
            piece = self._storage.store.read(after, PIECE)
            with self._news:
                if self._online and not self._arrange and self._lanes.read_after == after:
                    self._lanes.refill(piece, self._settled)
            self._on_ready()

    def _commit(self, look: bool = False) -> None:
        """Write what is new; `look` for what is too old even if it is not yet time to."""
        with self._news:
            events, settled = self._new[:COMMIT_EVENTS], set(self._settled)
        look = self._clock_set() and (look or self._pace.expires(time.monotonic()))
        expired_ms = self._utc_ms() - self._most_ms if look else 0
        forced = set(self._storage.store.commit(events, settled, expired_ms))
        self._pace.committed(time.monotonic())
        with self._news:
            del self._new[: len(events)]
            self._settled -= settled
            dropped = len(forced - self._settled)  # some were acknowledged while they were forced out
            self.queued -= dropped
            self.dropped += dropped
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
        rows = self._storage.store.read(0, self._lanes.in_order + 1)
        more = len(rows) > self._lanes.in_order
        if more:
            rows = self._storage.store.read(0, self._lanes.in_order, since_ms=self._utc_ms() - LATE_AFTER_MS)
        with self._news:
            if self._arrange and self._connections == connection:  # else it was lost meanwhile
                self._lanes.begin(rows, self._settled, more=more)
                self._arrange = False
        self._on_ready()

    def _finish(self) -> None:
        try:
            while self._new:
                self._commit()
            self._storage.store.commit((), self._settled)
        except sqlite3.Error as error:
            _log.warning("outbox: the last events could not be stored: %s", error)
        self._storage.close()

    def _change_store(self, error: sqlite3.Error) -> None:
        """The storage failed: go on with another, and what could be saved."""
        opened = self._storage.open_another(error)
        with self._news:
            kept = [event for event in opened.saved if event.sequence not in self._settled]
            stored = self._last - len(self._new)
            lost = self.queued - sum(not event.lost for event in (*kept, *self._new))
            if opened.path_damaged and lost > 0:
                self.queued -= lost
                self.dropped += lost
                kept = self._storage.with_damage(kept, lost, stored)
        self._storage.fill(opened, kept, max(stored, 1))
        with self._news:
            self._storage.adopt(opened.store, opened.problem)
            self._rearrange()
        self._storage.tell_problem()

    def _return_to_disk(self) -> None:
        """Go on where the events belong, if that can be written again."""
        reopened = self._storage.reopen(self._settled)
        if reopened is None:
            return
        with self._news:
            memory = self._storage.adopt(reopened.store)
            self.queued = reopened.waiting + sum(not event.lost for event in self._new)
            self.queued -= sum(event.sequence in self._settled for event in reopened.brought)
            self._rearrange()
        self._storage.leave_memory(memory, len(reopened.brought))

    def _rearrange(self) -> None:
        """Another store: in order again, as far as that goes."""
        self._lanes.rewind()
        self._arrange = self._online
