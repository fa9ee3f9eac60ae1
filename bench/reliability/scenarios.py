"""The failures, one function each: it yields rows of (what, figure) and raises SystemExit where a promise is broken."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from bench.reliability.device import event
from bench.reliability.hub import Broker, Listener
from edge.config import DeviceConfig, MqttConfig
from edge.publish import Publisher, payloads
from edge.publish.bucket import Bucket
from edge.publish.commit_pace import SAVED_COMMITS
from edge.publish.store import Store, StoredEvent

Rows = Iterator[tuple[str, str]]


def kills(folder: Path, times: int = 100) -> Rows:
    """kill -9 of the device at random moments of a stream of 200 events a second."""
    broker, file = Broker(folder), folder / "outbox.sqlite"
    broker.start()
    listener = Listener(broker.port)
    committed: set[int] = set()
    running = 0
    for _ in range(times):
        device = _device(broker.url, file, 200, 0)
        time.sleep(random.uniform(0.4, 2.4))
        running += device.poll() is None
        device.kill()
        device.wait()
        committed |= _rows(file, folder / "copy")
    last = _device(broker.url, file, 1, 1)
    said = json.loads(last.communicate()[0])
    listener.wait(lambda: len(listener.numbers()) == max(listener.numbers(), default=0), 20)
    numbers = listener.numbers()
    holes = set(range(1, max(numbers) + 1)) - set(numbers)
    yield "killed with SIGKILL, of these while running", f"{times}, {running}"
    yield "events that arrived, the last sequence number", f"{len(numbers)}, {max(numbers)}"
    yield "committed events seen in the file after a kill, lost", f"{len(committed)}, {len(committed - set(numbers))}"
    yield "holes in the sequence, still queued at the end", f"{len(holes)}, {said['queued']}"
    yield "duplicates, removed by id", f"{len(listener.heard) - len(numbers)}"
    _end(broker, listener)
    _expect(not holes and committed <= set(numbers), "an event was lost")


def broker_restarts(folder: Path, times: int = 20, recovered_s: float = 10) -> Rows:
    """The broker is killed or stopped in turn for 1 to 6 s, while a device tells 100 events a second."""
    broker, file = Broker(folder, durable=True), folder / "outbox.sqlite"
    broker.start()
    listener = Listener(broker.port)
    device = _device(broker.url, file, 100, 0)
    listener.wait(lambda: len(listener.heard) > 100, 10)
    recovered = []
    for number in range(times):
        broker.end(kill=number % 2 == 0)
        time.sleep(random.uniform(1, 6))
        broker.start()
        back = time.time()

        def news(back: float = back) -> list[float]:  # when events arrived that were told since the return
            return [when for _, _, _, delay, when in listener.heard[-2000:] if when - delay > back]

        _expect(listener.wait(lambda news=news: bool(news()), 90), "no event after a restart")
        recovered.append(news()[0] - back)
        time.sleep(random.uniform(1, 4))
    device.terminate()
    said = json.loads(device.communicate()[0])
    again = _device(broker.url, file, 1, 1)  # what the end left
    again.communicate()
    listener.wait(lambda: len(listener.numbers()) > said["told"], 20)
    numbers = listener.numbers()
    holes = set(range(1, said["told"] + 2)) - set(numbers)
    yield "times killed, stopped in order; events told", f"{(times + 1) // 2}, {times // 2}; {said['told']}"
    yield "lost, duplicates removed by id", f"{len(holes)}, {len(listener.heard) - len(numbers)}"
    yield "first event after the broker's return", f"median {np.median(recovered):.1f} s, worst {max(recovered):.1f} s"
    _end(broker, listener)
    _expect(not holes, f"{len(holes)} of {said['told'] + 1} events did not arrive, {sorted(holes)[:5]} first")
    _expect(max(recovered) < recovered_s, f"it took {max(recovered):.1f} s")


def drain(folder: Path, backlog: int = 86_400) -> Rows:
    """A day's events wait; then the broker is there, and live events go on, ten a second."""
    broker, file = Broker(folder), folder / "outbox.sqlite"
    broker.start()
    publisher = Publisher(MqttConfig(url="mqtt://127.0.0.1:9", outbox_file=str(file)), DeviceConfig(id="bench"))
    publisher._outbox.start()  # offline: the outbox works, nobody connects
    for number in range(backlog):
        publisher.publish_event(event(number))
        while len(publisher._outbox._new) > 2000:
            time.sleep(0.001)
    publisher.close(30)
    yield "events queued offline, size of the file", f"{publisher.queued}, {file.stat().st_size / 1e6:.1f} MB"
    listener = Listener(broker.port)
    time.sleep(2.5)  # now all of them are late
    device = _device(broker.url, file, 10, 0)
    _expect(listener.wait(lambda: sum(h[0] <= backlog for h in list(listener.heard)) >= backlog, 120), "not drained")
    late = [when for number, _, _, _, when in listener.heard if number <= backlog]
    during = [delay for number, _, _, delay, when in listener.heard if number > backlog and when < late[-1]]
    device.terminate()
    said = json.loads(device.communicate()[0])
    listener.wait(lambda: len(listener.numbers()) >= backlog + said["told"], 20)
    seconds = late[-1] - late[0]
    holes = set(range(1, backlog + said["told"] + 1)) - set(listener.numbers())
    in_order = [h[0] for h in listener.heard if h[0] <= backlog]
    yield "drained in, lost, in order", f"{seconds:.1f} s, {len(holes)}, {in_order == sorted(in_order)}"
    p50, p95, most = (1000 * np.percentile(during, q) for q in (50, 95, 100))
    yield f"delay of {len(during)} live events meanwhile", f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, worst {most:.0f} ms"
    _end(broker, listener)
    _expect(not holes and seconds < 60 and most < 200, "a promise was broken")


def load(folder: Path, seconds: int = 60) -> Rows:
    """1,000 events a second through outbox and TLS."""
    _certificates(folder)
    broker, file = Broker(folder, tls=folder), folder / "outbox.sqlite"
    broker.start()
    listener = Listener(broker.port)
    url = f"mqtts://localhost:{broker.tls_port}"
    device = _device(url, file, 1000, seconds, str(folder / "ca.pem"))
    process = psutil.Process(device.pid)
    _expect(listener.wait(lambda: len(listener.heard) > 2000, 30), "the device does not come up")
    rss = [process.memory_info().rss]
    while len(listener.heard) < 1000 * seconds * 0.98 and device.poll() is None:
        rss.append(process.memory_info().rss)
        cpu = sum(process.cpu_times()[:2])
        time.sleep(1)
    said = json.loads(device.communicate()[0])
    listener.wait(lambda: len(listener.numbers()) >= said["told"], 10)
    numbers = listener.numbers()
    delays = [1000 * h[3] for h in listener.heard]
    begin, end = listener.heard[0][4], listener.heard[-1][4]
    lost, growth = said["told"] - len(numbers), rss[-1] / rss[0] * 100 - 100
    yield "events told, lost, a second", f"{said['told']}, {lost}, {len(numbers) / (end - begin):.0f}"
    yield "RSS after 2 s, at the end", f"{rss[0] / 1e6:.1f} MB, {rss[-1] / 1e6:.1f} MB ({growth:+.1f} %)"
    yield "delay", f"p50 {np.percentile(delays, 50):.0f} ms, p95 {np.percentile(delays, 95):.0f} ms"
    yield "CPU of the device", f"{cpu / (end - begin) * 100:.0f} % of one core"
    _end(broker, listener)
    _expect(not lost and rss[-1] < 1.05 * rss[0], "a promise was broken")


def writes(folder: Path, events: int = 10_000, most_gb: float = 0.35) -> Rows:
    """An event a second, all before acknowledged, at the default commit_hz with nothing saved up: what reaches the file
    system. The clock is made up; the rest is the outbox's own."""

    def figures() -> dict[str, int]:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
        return {name: int(value) for name, value in (line.split(": ") for line in lines)}

    device = DeviceConfig(id="bench", place="kitchen")
    now_ms = time.time_ns() // 1_000_000
    store = Store(folder / "outbox.sqlite", 64_000_000, lambda *_: StoredEvent(1, 0, 0, {}, 1))
    pace = Bucket(1, MqttConfig().commit_hz, 0.0)
    waiting: list[StoredEvent] = []
    told: set[int] = set()
    delays, commits = [], 0
    before, begin = figures(), time.monotonic()

    def commit(now_s: float) -> None:
        nonlocal told, commits
        store.commit(waiting, told)
        pace.take(now_s)
        told = {each.sequence for each in waiting}
        delays.extend(now_s - each.sequence for each in waiting)
        waiting.clear()
        commits += 1

    due_s = 0.0
    for number in range(1, events + 1):
        if waiting and due_s <= number:
            commit(due_s)
        name = payloads.uuid7(time.time_ns())
        body = payloads.event(event(number), device, sequence=number, event_id=name, offset_ns=0, latency_ms=1)
        waiting.append(StoredEvent(number, now_ms, now_ms, body))
        if len(waiting) == 1:
            due_s = number + pace.wait_s(number)
        if due_s <= number:
            commit(number)
    seconds = time.monotonic() - begin
    after = figures()
    store.close()
    yield "commits an event", f"{commits / events:.2f}"
    per_day = {}
    for key, words in (("wchar", "bytes handed to the kernel"), ("write_bytes", "whole pages that the kernel wrote")):
        each = (after[key] - before[key]) / events
        per_day[key] = each * 86_400 / 1e9
        yield f"{words}, an event, a day at one a second", f"{each:.0f} bytes, {per_day[key]:.3f} GB"
    saved_gb = SAVED_COMMITS * (after["write_bytes"] - before["write_bytes"]) / commits / 1e9
    yield "what is saved up adds at most, once", f"{saved_gb:.3f} GB"
    p50, p95, most = (np.percentile(delays, q) for q in (50, 95, 100))
    yield "an event waits for its commit", f"p50 {p50:.2f} s, p95 {p95:.2f} s, at most {most:.2f} s"
    yield "a commit takes", f"{seconds / commits * 1000:.2f} ms"
    _expect(per_day["write_bytes"] + saved_gb <= most_gb, "more is written than promised")


def _device(url: str, file: Path, hz: float, seconds: float, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.reliability.device", url, str(file), str(hz), str(seconds), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _rows(file: Path, copy: Path) -> set[int]:
    """The committed events in the file that a killed process left, read from a copy."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for part in file.parent.glob(f"{file.name}*"):
        shutil.copy(part, copy)
    if not (copy / file.name).exists():
        return set()
    database = sqlite3.connect(copy / file.name)
    try:
        return {row[0] for row in database.execute("SELECT sequence FROM event WHERE body IS NOT NULL")}
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):  # killed before its first transaction
            return set()
        raise
    finally:
        database.close()


def _certificates(folder: Path) -> None:
    """An authority, and a server certificate for localhost signed by it."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    authority = ["-subj", "/CN=bench", "-addext", "keyUsage=critical,keyCertSign"]
    openssl(*new, *authority, "-keyout", "ca.key", "-out", "ca.pem")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
    names = ["-subj", "/CN=broker", "-addext", "subjectAltName=DNS:localhost"]
    openssl(*new, *signed, *names, "-keyout", "server.key", "-out", "server.pem")


def _end(broker: Broker, listener: Listener) -> None:
    listener.close()
    broker.end()


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(f"broken: {otherwise}")
