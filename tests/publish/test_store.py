"""What was committed is there after any end; what the bounds force out is told; one event costs one small write."""

from __future__ import annotations

import secrets
import sqlite3
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.publish.store import Store, StoredEvent

DAY_MS = 86_400_000
NOW_MS = 1_777_886_000_000


def event(sequence: int, queued_ms: int = NOW_MS) -> StoredEvent:
    # As hard to compress as a real one: most of that is digits.
    return StoredEvent(
        sequence, queued_ms, queued_ms, {"sequence": sequence, "id": str(uuid.uuid4()), "x": secrets.token_hex(120)}
    )


def gap_of(first: int, last: int, count: int, reason: str) -> StoredEvent:
    return StoredEvent(last, NOW_MS, NOW_MS, {"first": first, "sequence": last, "count": count, "why": reason}, count)


def numbers(store: Store) -> list[int]:
    return [each.sequence for each in store.read(0, 1_000_000)]


@pytest.fixture
def open_store(tmp_path):
    stores = []

    def begin(most_bytes: int = 64_000_000, name: str = "outbox.sqlite") -> Store:
        stores.append(Store(tmp_path / name, most_bytes, gap_of))
        return stores[-1]

    yield begin
    for store in stores:
        store.close()


def test_what_was_stored_is_read_again_after_a_restart(open_store) -> None:
    store = open_store()
    told = [event(n) for n in (1, 2, 3)]
    store.commit(told, ())
    store.commit([], {2})
    store.close()
    store = open_store()
    assert (store.last, store.count) == (3, 2)
    assert [each.body for each in store.read(0, 10)] == [told[0].body, told[2].body]
    assert [each.sequence for each in store.read(1, 10)] == [3]


def test_the_last_number_outlives_its_event(open_store) -> None:
    store = open_store()
    store.commit([event(41), event(42)], ())
    store.commit([], {41, 42})
    assert numbers(store) == []
    store.close()
    store = open_store()
    assert (store.last, store.count) == (42, 0)
    store.commit([event(43)], ())
    store.commit([], {43})
    store.commit([event(44)], ())
    assert numbers(store) == [44]
    store.close()
    with sqlite3.connect(store.path) as file:
        assert file.execute("SELECT count(*) FROM event").fetchone() == (1,)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 30), max_size=12), st.randoms())
def test_restarts_at_any_point_change_nothing(open_store, steps, random) -> None:
    name = uuid.uuid4().hex
    store, waiting, last = open_store(name=name), set(), 0
    for added in steps:
        settled = {n for n in waiting if random.random() < 0.4}
        store.commit([event(n) for n in range(last + 1, last + added + 1)], settled)
        waiting = (waiting - settled) | set(range(last + 1, last + added + 1))
        last += added
        if random.random() < 0.5:
            store.close()
            store = open_store(name=name)
        # The newest may stay although it is settled: the same id once more.
        assert set(numbers(store)) - {last} == waiting - {last}
        assert store.last == last
    store.close()


def test_a_full_store_forces_out_the_oldest_and_leaves_one_record(open_store) -> None:
    store = open_store(1_000_000)
    forced, last = [], 0
    for _ in range(60):
        forced += store.commit([event(n) for n in range(last + 1, last + 101)], ())
        last += 100
    assert store.used_bytes <= 1_000_000
    rows = store.read(0, 1_000_000)
    gap, kept = rows[0], rows[1:]
    assert gap.body == {"first": 1, "sequence": gap.sequence, "count": len(forced), "why": "full"}
    assert gap.lost == len(forced) == gap.sequence
    assert [each.sequence for each in kept] == list(range(gap.sequence + 1, 6001))
    assert len(kept) > 1_000_000 // 512


def test_what_was_acknowledged_between_is_no_loss(open_store) -> None:
    store = open_store(1_000_000)
    store.commit([event(n) for n in range(1, 101)], ())
    store.commit([], set(range(11, 21)))  # live ones that overtook
    forced, last = [], 100
    while not forced:
        forced += store.commit([event(n) for n in range(last + 1, last + 101)], ())
        last += 100
    assert not set(forced) & set(range(11, 21))
    gap = store.read(0, 1)[0]
    assert gap.lost == len(forced) == gap.sequence - 10


def test_what_is_too_old_is_forced_out_unless_the_clock_was_not_set(open_store) -> None:
    store = open_store()
    old_ms = NOW_MS - 8 * DAY_MS
    store.commit([event(1, 0), event(2, old_ms), event(3, NOW_MS - 6 * DAY_MS), event(4)], ())
    assert store.commit([replace(event(5, old_ms), dated=False)], (), NOW_MS - 7 * DAY_MS) == [2]
    assert store.commit([event(6)], (), NOW_MS - 7 * DAY_MS) == []
    assert numbers(store) == [1, 2, 3, 4, 5, 6]
    assert store.read(1, 1)[0].body["why"] == "expired"
    assert [(each.queued_ms, each.dated) for each in store.read(4, 2)] == [(old_ms, False), (NOW_MS, True)]


def test_a_second_process_is_kept_out(open_store) -> None:
    store = open_store()
    store.commit([event(1)], ())
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        open_store()


def test_only_this_user_may_read_it(open_store) -> None:
    store = open_store()
    store.commit([event(1)], ())
    for part in store.path.parent.iterdir():
        assert part.stat().st_mode & 0o077 == 0


def test_a_file_of_another_version_is_not_touched(open_store, tmp_path) -> None:
    open_store().close()
    with sqlite3.connect(tmp_path / "outbox.sqlite") as file:
        file.execute("PRAGMA user_version = 9")
    file.close()
    with pytest.raises(sqlite3.DatabaseError, match="format 9, expected 1"):
        open_store()


def test_a_killed_process_loses_nothing_that_it_had_committed(open_store, tmp_path) -> None:
    """It says each number when the commit has returned, and is killed while it goes on."""
    code = f"""
import sys; from pathlib import Path; sys.path[:0] = [{str(Path(__file__).parent)!r}]
from test_store import Store, event, gap_of
store = Store(Path({str(tmp_path / "outbox.sqlite")!r}), 64_000_000, gap_of)
for n in range(1, 1_000_000):
    store.commit([event(n)], {{n - 5}} if n % 7 else ())
    print(n, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        said = [next(process.stdout) for _ in range(200)]
        process.kill()
        said += process.stdout.readlines()
    said = [int(line) for line in said if line.endswith("\n")]
    store = open_store()
    assert store.last - said[-1] in (0, 1)  # committed, but not said yet
    assert numbers(store) == [n for n in range(1, store.last + 1) if n > store.last - 5 or not (n + 5) % 7]


def test_an_event_a_second_writes_little(open_store) -> None:
    """Bytes handed to the kernel (proc(5): wchar); docs/reliability.md tells what becomes of them."""

    def written() -> int:
        with open("/proc/self/io") as figures:  # noqa: PTH123
            return int(next(line for line in figures if line.startswith("wchar")).split()[1])

    store = open_store()
    store.commit([event(1)], ())
    before = written()
    for n in range(2, 2502):
        store.commit([event(n)], {n - 1})
    assert (written() - before) / 2500 * 86_400 < 0.35e9 / 4
