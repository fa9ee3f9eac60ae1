"""What systemd hears, over real sockets."""

from __future__ import annotations

import os
import socket

import pytest

from edge.service.notify import Notifier, notifier, watchdog_s


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_words_arrive_as_one_datagram(tmp_path, kind):
    address = str(tmp_path / "notify") if kind == "path" else f"@emotion-edge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address.replace("@", "\0", 1) if kind == "abstract" else address)
        systemd.settimeout(5)
        Notifier(address).tell("READY=1", "STATUS=all well")
        assert systemd.recv(4096) == b"READY=1\nSTATUS=all well"


def test_a_systemd_that_does_not_read_blocks_nobody_and_is_one_warning(tmp_path, caplog):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        words = Notifier(str(tmp_path / "notify"))
        for _ in range(2000):
            words.tell("WATCHDOG=1")
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_variables_are_for_this_process_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    notifier()
    assert watchdog_s() == 30
    assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ)


@pytest.mark.parametrize(("period", "process"), [("", ""), ("soon", ""), ("30000000", "1")])
def test_a_watchdog_of_another_is_not_ours(monkeypatch, period, process):
    monkeypatch.setenv("WATCHDOG_USEC", period)
    monkeypatch.setenv("WATCHDOG_PID", process)
    assert watchdog_s() == 0


def test_without_systemd_nothing_happens():
    Notifier("").tell("READY=1")
