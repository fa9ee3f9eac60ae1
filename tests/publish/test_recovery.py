"""Storage that fails under a running publisher, with a real mosquitto: damaged, full, missing, another's; no hole that
no record tells of."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import time

import pytest

from edge.publish import recovery
from tests.publish.sequences import holes, told, waited


@pytest.mark.parametrize("damage", ["garbage", "holes", "truncated"])
def test_a_damaged_file_is_put_aside_and_what_can_be_read_of_it_is_sent(
    mosquitto, subscriber, publish_to, event_of, tmp_path, caplog, damage
) -> None:
    mosquitto.stop()
    file = tmp_path / "outbox.sqlite"
    publisher = publish_to(mosquitto.url, outbox_file=str(file))
    for _ in range(200):
        publisher.publish_event(event_of())
    publisher.close(2)
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(
        {
            "garbage": os.urandom(len(whole)),
            "holes": whole[:middle] + bytes(2048) + whole[middle + 2048 :],
            "truncated": whole[:middle],
        }[damage]
    )
    mosquitto.start()
    publisher = publish_to(mosquitto.url, outbox_file=str(file))
    publisher.publish_event(event_of())
    # Both lanes are through: the new event, behind every number that may have been used, and the old ones.
    subscriber.wait_for(lambda heard: max(told(heard), default=0) > 1_700_000_000 and not holes(heard, 200))
    assert publisher.close(5)
    newest = max(told(subscriber))
    assert not told(subscriber)[newest]["late"] or waited(told(subscriber)[newest])
    assert told(subscriber)[newest - 1]["reason"] == "damaged"
    if damage == "holes":
        assert len(told(subscriber)) > 100
    assert len(list(tmp_path.glob("outbox.sqlite.damaged-*Z"))) == 1
    assert any("It is kept as" in message for message in caplog.messages)
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_disk_that_fills_up_is_told_and_left_until_it_has_room_again(
    mosquitto, subscriber, publish_to, event_of, health, tmp_path, monkeypatch, caplog, until
) -> None:
    """The kernel refuses files above a size: to SQLite that is a disk without room."""
    monkeypatch.setattr(recovery, "_RETRY_DISK_S", 3)
    caplog.set_level("INFO")
    file = tmp_path / "outbox.sqlite"
    publisher = publish_to(mosquitto.url, outbox_file=str(file))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        for _ in range(1000):
            publisher.publish_event(event_of())
        until(lambda: any("kept in memory" in message for message in caplog.messages))
        publisher.publish_health(health)
        report = subscriber.wait_for(lambda heard: heard.on("health"))[-1].json()["mqtt"]["outbox"]
        assert report["storage"] == "memory"
        assert str(file) in report["problem"]
        subscriber.wait_for(lambda heard: 1000 in told(heard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    until(lambda: any("can be written again" in message for message in caplog.messages))
    publisher.publish_event(event_of())
    assert publisher.close(5)
    again = publish_to(mosquitto.url, outbox_file=str(file))
    again.publish_event(event_of())
    assert again.close(5)
    subscriber.wait_for(lambda heard: 1002 in told(heard) and not holes(heard, 1002))
    assert sorted(told(subscriber)) == list(range(1, 1003))


def test_a_full_or_read_only_disk_is_told_before_an_event_has_to_be_written(
    mosquitto, publish_to, event_of, tmp_path, monkeypatch, caplog, until
) -> None:
    monkeypatch.setattr(recovery, "_LOOK_S", 0.2)
    caplog.set_level("INFO")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a disk to fill needs root")
    try:
        publisher = publish_to(mosquitto.url, outbox_file=str(disk / "outbox.sqlite"))
        publisher.publish_event(event_of())
        until(lambda: publisher.queued == 0)
        assert publisher.disk_problem == ""
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        until(lambda: publisher.disk_problem)
        assert publisher.disk_problem.endswith("outbox.sqlite: the disk is full")
        assert publisher.keeps  # nothing has failed yet
        (disk / "filler").unlink()
        until(lambda: not publisher.disk_problem)
        # A mount over the first: the open file could still be written, unlike that of a card that fails.
        for options in (["--bind", disk, disk], ["-o", "remount,bind,ro", disk]):
            subprocess.run(["mount", *options], check=True)
        until(lambda: publisher.disk_problem.endswith("outbox.sqlite: the disk is read-only"))
        subprocess.run(["umount", disk], check=True)
        until(lambda: not publisher.disk_problem)
        publisher.publish_event(event_of())
        assert publisher.close(5)
        assert sum("well again" in message for message in caplog.messages) == 2
    finally:
        while disk.is_mount():
            subprocess.run(["umount", "-l", disk], check=True)


def test_where_nothing_can_be_written_it_goes_on_in_memory_and_never_back_in_numbers(
    mosquitto, subscriber, publish_to, event_of, tmp_path, caplog
) -> None:
    for _ in range(2):
        publisher = publish_to(mosquitto.url, outbox_file=str(tmp_path / "missing" / "outbox.sqlite"))
        for _ in range(3):
            publisher.publish_event(event_of())
        assert publisher.close(5)
        time.sleep(4)  # the numbers go on at the seconds since 1970
    events = subscriber.wait_for(lambda heard: [m.json() for m in heard.on("event")][7:])
    order = [message.json()["sequence"] for message in subscriber.on("event") if message.json()["type"] != "gap"]
    assert len(order) == 6
    assert order == sorted(set(order))
    assert events
    assert sum("expected a file that can be written" in message for message in caplog.messages) == 2


def test_two_services_do_not_share_a_file(mosquitto, subscriber, publish_to, event_of, tmp_path, caplog) -> None:
    file = str(tmp_path / "outbox.sqlite")
    first = publish_to(mosquitto.url, outbox_file=file)
    second = publish_to("mqtt://127.0.0.1:9", outbox_file=file)
    assert any("locked" in message for message in caplog.messages)
    first.publish_event(event_of())
    second.publish_event(event_of())
    subscriber.wait_for(lambda heard: list(told(heard)) == [1])


def test_damage_that_shows_only_when_an_event_is_read_costs_that_event_alone(
    mosquitto, subscriber, publish_to, event_of, tmp_path, caplog, until
) -> None:
    mosquitto.stop()
    file = tmp_path / "outbox.sqlite"
    publisher = publish_to(mosquitto.url, outbox_file=str(file))
    for _ in range(300):
        publisher.publish_event(event_of())
    publisher.close(2)
    with contextlib.closing(sqlite3.connect(file)) as database:
        body = database.execute("SELECT body FROM event WHERE sequence = 150").fetchone()[0]
    whole = file.read_bytes()
    file.write_bytes(whole.replace(body[20:60], bytes(40)))
    mosquitto.start()
    publisher = publish_to(mosquitto.url, outbox_file=str(file))
    publisher.publish_event(event_of())
    subscriber.wait_for(lambda heard: 301 in told(heard) and not holes(heard, 301), timeout_s=30)
    until(lambda: publisher.queued == 0)
    gap = told(subscriber)[150]
    assert (gap["type"], gap["count"], gap["reason"]) == ("gap", 1, "damaged")
    assert publisher.dropped == 1
    assert any("It is kept as" in message for message in caplog.messages)
    assert publisher.close(5)
    with contextlib.closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT max(sequence) FROM event").fetchone() == (301,)
