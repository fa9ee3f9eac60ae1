"""Events on disk (or in memory, in the same form): one SQLite table, bounded, the oldest forced out first.

What keeps an SD card alive, at one event a second:
- a page is 512 bytes and an event fits into half of one (compressed with a dictionary that the file itself carries),
  so that a commit is one frame of 536 bytes in the write-ahead log;
- what was acknowledged is deleted in the same transaction that adds the next event;
- the newest row stays, acknowledged or not: it holds the last sequence number, and no second page has to.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.publish import payloads
from edge.publish.payloads import Body
from edge.records import EMOTIONS

#: An event that waited longer than this before it was sent is marked late: it is history, not news. More than
#: the longest wait for a commit at the default rate.
LATE_AFTER_MS = 2000
_PAGE_BYTES = 512
#: Frames in the write-ahead log before they are carried over into the table: about a megabyte.
_CHECKPOINT_FRAMES = 2000
#: Left of the page limit for the tree above the rows, and for what a transaction needs on its way.
_RESERVE_PAGES = 64
#: Rows of one forcing out are at least this share of all, so that a full store does not do it for every event.
_FORCED_SHARE = 100
#: A clock before 2024 was not set yet, whatever is said of it: what it stamped has no known age.
_CLOCK_SET_MS = 1_704_067_200_000
_FORMAT = 1
_SCHEMA = """
CREATE TABLE event (sequence INTEGER PRIMARY KEY, queued_ms INTEGER, observed_ms INTEGER, lost INTEGER, body BLOB);
CREATE TABLE dictionary (words BLOB NOT NULL);
"""
_SELECT = "SELECT sequence, queued_ms, observed_ms, lost, body FROM event"
_P = '"probabilities":{' + ",".join(f'"{name}":0.0' for name in EMOTIONS) + "}"
#: What most events have in common; zlib finds the end of it fastest. A file keeps the one it was made with.
WORDS = (
    '"emotion.start""emotion.end""presence.start""presence.end""emotion.change"{"schema":1,"id":"019","sequence":1,'
    f'"device":"","place":"","type":"emotion.change","time":"2026-01-01T00:00:00.000Z","subject":"face-1",'
    f'"emotion":"happy","confidence":0.5,{_P},"valence":0.1,"arousal":0.1,"modalities":{{"face":{{"weight":0.7,'
    f'"age_ms":40,"quality":0.9,{_P}}},"speech":{{"weight":0.3,"age_ms":300,"quality":0.6,{_P}}}}},'
    '"agreement":null,"previous":"neutral","duration_ms":1000,"late":false,"latency_ms":40}'
).encode()


@dataclass(frozen=True, slots=True, eq=False)
class StoredEvent:
    """A payload, when it was handed over and when its evidence was observed (UTC milliseconds).

    `lost`: 0 for an event; for a gap record the number of events that it stands for, -1 when that is not known.
    `dated`: False if the clock was known not to be set when it was handed over: then nobody can tell how old it is, and
    it is never too old to keep.
    """

    sequence: int
    queued_ms: int
    observed_ms: int
    body: Body
    lost: int = 0
    dated: bool = True

    def body_at(self, now_ms: int) -> Body:
        """The payload as it is sent at `now_ms`: with its age, and marked if it had to wait."""
        if self.lost:
            return self.body
        late = now_ms - self.queued_ms > LATE_AFTER_MS
        return {**self.body, "late": late, "latency_ms": max(0, now_ms - self.observed_ms)}


Row = tuple[int, int, int, int, bytes | None]
#: Makes the payload of the event with this sequence number.
BodyOf = Callable[[int], Body]
#: Makes the record of a loss: first and last sequence, how many (-1: not known), why.
GapOf = Callable[[int, int, int, str], StoredEvent]


class Store:
    """The events that the broker has not acknowledged; `path` None keeps them in memory.

    One thread at a time may use it. Every method raises sqlite3.Error when the storage fails: DatabaseError itself
    for a damaged file, one of its kinds (OperationalError) for a disk that is full, read-only or broken.

    Args:
        most_bytes: of the table; the write-ahead log comes on top, usually one megabyte.
    """

    def __init__(self, path: Path | None, most_bytes: int, gap_of: GapOf) -> None:
        self.path = path
        self._gap_of = gap_of
        self._most_pages = max(4 * _RESERVE_PAGES, most_bytes // _PAGE_BYTES)
        if path is not None:
            # What is in it is about people: for this user's eyes. The log inherits the mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._database = sqlite3.connect(path or ":memory:", timeout=0.5, isolation_level=None, check_same_thread=False)
        try:
            self._words = self._prepare()
            self.last, self.count = self._measure()
        except BaseException:
            self._database.close()
            raise

    @property
    def used_bytes(self) -> int:
        return (self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")) * _PAGE_BYTES

    def commit(self, events: Sequence[StoredEvent], settled: Collection[int], expired_ms: int = 0) -> list[int]:
        """In one transaction: delete `settled`, add `events`, force out what is older than `expired_ms` or too much.

        Returns:
            The sequence numbers that were forced out (or not even added); a gap record tells of them.
        """
        rows = [
            # In the file a time that cannot be relied upon is negative.
            (
                each.sequence,
                each.queued_ms * (1 if each.dated else -1),
                each.observed_ms,
                each.lost,
                self._pack(each.body),
            )
            for each in events
        ]
        last = max((each.sequence for each in events), default=0)
        forced: list[int] = []
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            newest = max(last, self.last)
            self._delete(number for number in settled if number != newest)
            if newest != self.last:
                run("DELETE FROM event WHERE sequence = ? AND body IS NULL", (self.last,))
            if newest in settled:
                run("UPDATE event SET body = NULL WHERE sequence = ?", (newest,))
            if expired_ms > _CLOCK_SET_MS:
                forced += self._expire(expired_ms, newest)
            if rows:
                forced += self._make_room(rows)
            self._database.executemany("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?)", rows)
            run("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                run("ROLLBACK")
            raise
        self.last = newest
        return forced

    def read(self, after: int, limit: int, since_ms: int = 0) -> list[StoredEvent]:
        """At most `limit` events behind sequence number `after`, in order, that were handed over since `since_ms`."""
        found = self._database.execute(
            f"{_SELECT} WHERE sequence > ? AND body IS NOT NULL AND abs(queued_ms) >= ? ORDER BY sequence LIMIT ?",
            (after, since_ms, limit),
        )
        return [self._unpack(row) for row in found]

    def newest(self, limit: int) -> list[StoredEvent]:
        """At most `limit` events, the newest, in order; as many as can be read where the file is damaged."""
        return read_newest(self._database, self._words, limit)

    def waiting(self) -> int:
        """How many events are here, without gap records. Reads every row: damage is found."""
        return self._measure()[1]

    def replace_from(self, first: int, events: Sequence[StoredEvent], last: int) -> None:
        """Put `events` in the place of all from sequence number `first` on; `last` is the last number ever used."""
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        run("DELETE FROM event WHERE sequence >= ?", (first,))
        run("DELETE FROM event WHERE body IS NULL")
        run("INSERT OR REPLACE INTO event VALUES (?, 0, 0, 0, NULL)", (last,))
        run("COMMIT")
        self.last = last
        self.commit(events, ())

    def close(self) -> None:
        self._database.close()

    def _prepare(self) -> bytes:
        run = self._database.execute
        run(f"PRAGMA page_size = {_PAGE_BYTES}")
        # One process, one connection: no shared-memory file. A second process is refused, as it should be.
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        run(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_FRAMES}")
        run(f"PRAGMA journal_size_limit = {4 * _CHECKPOINT_FRAMES * _PAGE_BYTES}")
        run(f"PRAGMA max_page_count = {self._most_pages + _RESERVE_PAGES}")
        version = self._number("PRAGMA user_version")
        if version not in (0, _FORMAT):
            raise sqlite3.DatabaseError(f"format {version}, expected {_FORMAT}: written by another version")
        run("BEGIN IMMEDIATE")
        if version == 0:
            for statement in _SCHEMA.split(";"):
                run(statement)
            run("INSERT INTO dictionary VALUES (?)", (WORDS,))
            run(f"PRAGMA user_version = {_FORMAT}")
        run("COMMIT")
        row = run("SELECT words FROM dictionary").fetchone()
        if row is None:
            raise sqlite3.DatabaseError("no dictionary: expected a file of this service")
        return bytes(row[0])

    def _measure(self) -> tuple[int, int]:
        last, count = self._database.execute(
            "SELECT max(sequence), count(CASE WHEN lost = 0 THEN body END) FROM event"
        ).fetchone()
        return last or 0, count

    def _delete(self, numbers: Iterable[int]) -> None:
        self._database.executemany("DELETE FROM event WHERE sequence = ?", ((number,) for number in numbers))

    def _expire(self, before_ms: int, newest: int) -> list[int]:
        rows = self._database.execute(
            f"{_SELECT} WHERE sequence < ? AND lost = 0 "
            "AND body IS NOT NULL AND queued_ms BETWEEN ? AND ? ORDER BY sequence",
            (newest, _CLOCK_SET_MS, before_ms),
        ).fetchall()
        return self._force_out(rows, "expired")

    def _make_room(self, rows: Sequence[tuple[int, int, int, int, bytes]]) -> list[int]:
        """Force out the oldest until `rows` fit."""
        need = sum(-(-(len(row[4]) + 40) // (_PAGE_BYTES - 12)) for row in rows)
        need += need // 20 + _RESERVE_PAGES
        forced: list[int] = []
        while self._number("PRAGMA page_count") + need > self._most_pages:
            free = self._number("PRAGMA freelist_count")
            if self._number("PRAGMA page_count") - free + need <= self._most_pages:
                break
            span = self._number("SELECT coalesce(max(sequence) - min(sequence), 0) FROM event")
            most = max(len(rows), span // _FORCED_SHARE, 16)
            oldest = self._database.execute(f"{_SELECT} ORDER BY sequence LIMIT ?", (most,)).fetchall()
            if len(oldest) <= 1:  # only the gap record of what was here: this is all the room there is
                break
            forced += self._force_out(oldest, "full")
        return forced

    def _force_out(self, rows: Sequence[Row], reason: str) -> list[int]:
        """Delete `rows` and leave a gap record in the place of the last, which takes up earlier ones."""
        waiting = [row for row in rows if row[4] is not None]
        self._delete(row[0] for row in rows)
        if not waiting:
            return []
        # A gap record among them that was not delivered yet is told again by the new one.
        counts = [row[3] or 1 for row in waiting]
        first = min(int(self._unpack(row).body["first"]) if row[3] else row[0] for row in waiting)
        last, count = waiting[-1][0], -1 if -1 in counts else sum(counts)
        previous = self._database.execute(
            f"{_SELECT} WHERE sequence < ? AND lost > 0 AND body IS NOT NULL ORDER BY sequence DESC LIMIT 1",
            (first,),
        ).fetchone()
        if previous is not None and count > 0:
            self._delete([previous[0]])
            first, count = int(self._unpack(previous).body["first"]), count + previous[3]
        gap = self._gap_of(first, last, count, reason)
        self._database.execute(
            "INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?)",
            (last, gap.queued_ms, gap.observed_ms, gap.lost, self._pack(gap.body)),
        )
        return [row[0] for row in waiting if not row[3]]

    def _number(self, statement: str) -> int:
        return int(self._database.execute(statement).fetchone()[0])

    def _pack(self, body: Body) -> bytes:
        packer = zlib.compressobj(zdict=self._words)
        return packer.compress(payloads.encode(body)) + packer.flush()

    def _unpack(self, row: Row) -> StoredEvent:
        return _unpack(row, self._words)


def read_newest(database: sqlite3.Connection, words: bytes, limit: int) -> list[StoredEvent]:
    """As `Store.newest`, of any open database with this table; `words`: its dictionary."""
    found: dict[int, StoredEvent] = {}
    for order in ("DESC", "ASC"):  # what lies behind the damage may be reached from the other end
        with contextlib.suppress(sqlite3.Error):
            rows = database.execute(f"{_SELECT} WHERE body IS NOT NULL ORDER BY sequence {order} LIMIT ?", (limit,))
            found.update((row[0], _unpack(row, words)) for row in rows)
            break
    return [found[number] for number in sorted(found)]


def _unpack(row: Row, words: bytes) -> StoredEvent:
    try:
        body = json.loads(zlib.decompressobj(zdict=words).decompress(row[4] or b""))
    except (zlib.error, ValueError) as error:
        raise sqlite3.DatabaseError(f"event {row[0]}: not readable: {error}") from error
    return StoredEvent(row[0], abs(row[1]), row[2], body, row[3], row[1] >= 0)
