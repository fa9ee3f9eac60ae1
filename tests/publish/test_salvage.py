"""A store that can be used, whatever lies at its place: nothing, another process's file, a damaged one, no folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.publish.salvage import MEMORY_BYTES, Opened, behind, open_store, replace_store, rescue, storage_path
from edge.publish.store import Store, StoredEvent

MOST_BYTES = 1_000_000


def event(sequence: int) -> StoredEvent:
    return StoredEvent(sequence, 1_777_886_000_000, 1_777_886_000_000, {"sequence": sequence, "x": "y" * 300})


def gap_of(first: int, last: int, count: int, reason: str) -> StoredEvent:
    return pytest.fail(f"nothing is forced out, expected {first} to {last} to stay: {reason}")


def numbers(events: list[StoredEvent]) -> list[int]:
    return [each.sequence for each in events]


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def opened(ends):
    def begin(path: Path | None, most_bytes: int = MOST_BYTES) -> Opened:
        found = open_store(path, most_bytes, gap_of)
        ends.callback(found.store.close)
        return found

    return begin


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An outbox of 200 events, and of many pages."""
    path = tmp_path / "outbox.sqlite"
    store = Store(path, MOST_BYTES, gap_of)
    store.commit([event(number) for number in range(1, 201)], ())
    store.close()
    return path


def punch(file: Path) -> None:
    """A hole in the middle of the table: its ends can be read."""
    data = bytearray(file.read_bytes())
    middle = len(data) // 2 // 512 * 512
    data[middle : middle + 1024] = bytes(1024)
    file.write_bytes(data)


def test_a_whole_file_is_used_as_it_is(opened, file) -> None:
    found = opened(file)
    assert (found.problem, found.saved, found.last_known, found.path_damaged) == ("", [], True, False)
    assert (found.store.path, found.store.last, found.store.count) == (file, 200, 200)


def test_a_file_that_was_left_behind_does_not_know_the_last_number(opened, file) -> None:
    behind(file).touch()
    assert not opened(file).last_known


def test_without_a_path_memory_is_used_and_little_of_it(opened) -> None:
    found = opened(None, 10 * MEMORY_BYTES)
    assert (found.store.path, found.problem) == (None, "")
    (pages,) = found.store._database.execute("PRAGMA max_page_count").fetchone()
    assert MEMORY_BYTES <= pages * 512 < 1.1 * MEMORY_BYTES


def test_where_nothing_can_be_written_memory_is_used_and_the_reason_told(opened, file) -> None:
    found = opened(file / "outbox.sqlite")  # a folder that is a file
    assert found.store.path is None
    assert found.problem == f"{file / 'outbox.sqlite'}: Not a directory"
    assert not found.last_known
    found.store.commit([event(1)], ())
    assert numbers(found.store.read(0, 10)) == [1]


def test_another_processs_events_are_left_to_it(opened, file, ends) -> None:
    other = Store(file, MOST_BYTES, gap_of)
    ends.callback(other.close)
    other.commit([event(201)], ())
    found = opened(file)
    assert found.store.path is None
    assert "locked" in found.problem
    assert found.saved == []


def test_of_a_file_with_a_hole_both_ends_are_saved_and_it_is_kept_aside(opened, file, caplog) -> None:
    punch(file)
    damaged = file.read_bytes()
    found = opened(file)
    saved = numbers(found.saved)
    assert saved == sorted(set(saved))
    assert {1, 200} <= set(saved)
    assert 150 < len(saved) < 200
    assert found.saved[0].body == event(1).body
    assert (found.store.path, found.store.count) == (file, 0)
    assert (found.problem, found.last_known, found.path_damaged) == ("", False, True)
    (aside,) = file.parent.glob("outbox.sqlite.damaged-*Z")
    assert len(aside.read_bytes()) == len(damaged)
    assert f"{len(saved)} events were saved" in caplog.text


def test_two_damaged_files_are_kept_and_older_ones_go(opened, file) -> None:
    for year in (2021, 2022, 2023):
        for suffix in ("", "-wal"):
            file.with_name(f"{file.name}.damaged-{year}0101T000000Z{suffix}").touch()
    file.write_bytes(b"no database at all, and longer than the header of one: " * 20)
    found = opened(file)
    assert found.saved == []
    assert found.path_damaged
    kept = sorted(path.name for path in file.parent.glob("*.damaged-*"))
    assert kept[:2] == [f"{file.name}.damaged-20230101T000000Z{suffix}" for suffix in ("", "-wal")]
    assert len(kept) == 3  # and the new one, which has no log


def test_a_disk_that_fails_in_use_is_not_damage(file) -> None:
    found = replace_store(file, sqlite3.OperationalError("database or disk is full"), MOST_BYTES, gap_of)
    assert (found.store.path, found.problem, found.path_damaged) == (None, f"{file}: database or disk is full", False)
    assert not list(file.parent.glob("*.damaged-*"))
    found.store.close()


def test_rescue_takes_the_newest_and_changes_nothing(file) -> None:
    before = file.read_bytes()
    assert numbers(rescue(file, 3)) == [198, 199, 200]
    assert file.read_bytes() == before
    assert rescue(file.with_name("none"), 3) == []
    assert not file.with_name("none").exists()


@pytest.mark.parametrize(
    ("configured", "state", "where"),
    [
        ("/data/events.sqlite", "/var/lib/edge", "/data/events.sqlite"),
        ("", "/var/lib/edge:/var/lib/other", "/var/lib/edge/outbox.sqlite"),
        ("", "", None),
    ],
)
def test_the_file_of_the_configuration_comes_before_the_state_directory(monkeypatch, configured, state, where) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", state)
    assert storage_path(configured) == (Path(where) if where else None)
