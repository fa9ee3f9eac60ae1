"""A fleet on one mosquitto of this machine: `python -m bench.fleet` prints broker CPU, latency and loss as a table.

Each device has its own connection and will, and publishes as docs/mqtt.md says: on average one event a second (QoS 1)
with the state that goes with it (QoS 1, retained, expiring), and health every ten seconds (QoS 0, retained). The rate
follows a day, from 0.2 events a second at night to 1.8 in the evening, in `--seconds`. Latency runs from the moment
an event was due to its arrival at the consumer, waiting included; devices, broker and consumer share this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import math
import multiprocessing
import platform
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from bench.light_mqtt import Client
from edge.records import EMOTIONS

HEALTH_S = 10.0
MOST_HZ = 1.8
#: How long devices and consumer may take to finish what is on its way.
DRAIN_S = 30.0


def rate_hz(part_of_day: float) -> float:
    """Events a second of one device; 1 on average, the least at 0, the most at 0.5."""
    return 1 - 0.8 * math.cos(2 * math.pi * part_of_day)


def event(device: str, sequence: int, due_ns: int) -> bytes:
    """An event of the usual size and form; `sent_ns` is the bench's own."""
    probabilities = dict.fromkeys(EMOTIONS, 0.1429)
    sense = {"weight": 0.5, "age_ms": 40, "quality": 0.9, "probabilities": probabilities}
    body = {"schema": 1, "id": f"{due_ns:032x}", "sequence": sequence, "device": device, "place": "fleet"}
    body |= {"type": "emotion.change", "time": "2026-05-04T09:12:33.120Z", "subject": "face-3", "emotion": "happy"}
    body |= {"confidence": 0.81, "probabilities": probabilities, "valence": 0.62, "arousal": 0.31}
    body |= {"modalities": {"face": sense, "speech": sense}, "agreement": 0.74, "previous": "neutral"}
    body |= {"duration_ms": 5400, "late": False, "latency_ms": 31, "sent_ns": due_ns}
    return json.dumps(body, separators=(",", ":")).encode()


async def devices(port: int, names: list[str], seconds: float, parent: Connection) -> None:
    """Simulate the devices `names`; tells `parent` when they are connected, waits for its start, tells the counts."""
    loop = asyncio.get_running_loop()
    clients: dict[str, Client] = {}
    for name in names:
        _, client = await loop.create_connection(
            lambda name=name: Client(f"emotion-edge-{name}", will=f"emotion/{name}/availability"), "127.0.0.1", port
        )
        clients[name] = client
        await client.connected
        client.publish(f"emotion/{name}/availability", b"online", qos=1, retain=True)
    parent.send("connected")
    start_s = await asyncio.to_thread(parent.recv)
    sequence: Counter[str] = Counter()
    taken = 0
    due = [(start_s + random.expovariate(MOST_HZ), "event", name) for name in names]
    due += [(start_s + random.random() * HEALTH_S, "health", name) for name in names]
    heapq.heapify(due)
    while due and (next_s := due[0][0]) < start_s + seconds:
        now_s = time.monotonic()
        if next_s > now_s:
            await asyncio.sleep(next_s - now_s)
            continue
        _, kind, name = heapq.heappop(due)
        client = clients[name]
        taken += 1
        if kind == "event" and random.random() * MOST_HZ < rate_hz((next_s - start_s) / seconds):
            sequence[name] += 1
            body = event(name, sequence[name], int(next_s * 1e9))
            client.publish(f"emotion/{name}/event", body, qos=1)
            client.publish(f"emotion/{name}/state", body, qos=1, retain=True, expiry_s=3600)
        elif kind == "health":
            client.publish(f"emotion/{name}/health", b"{" + b" " * 700 + b"}", qos=0, retain=True, expiry_s=3600)
        # A Poisson process whose rate changes: moments at the highest rate, of which some are skipped (thinning).
        pause_s = HEALTH_S if kind == "health" else random.expovariate(MOST_HZ)
        heapq.heappush(due, (next_s + pause_s, kind, name))
        if not taken % 50:
            await asyncio.sleep(0)  # let acknowledgements in
    until_s = time.monotonic() + DRAIN_S
    while time.monotonic() < until_s and not all(client.settled for client in clients.values()):
        await asyncio.sleep(0.05)
    parent.send((dict(sequence), sum(client.refused for client in clients.values()), psutil.Process().cpu_times()))
    for client in clients.values():
        client.close()


async def consumer(port: int, number: int, topics: list[str], parent: Connection) -> None:
    """Hear `topics` until `parent` says so; tells it what came: (device, sequence) pairs and latencies in ms."""
    heard: Counter[tuple[str, int]] = Counter()
    latencies_ms: list[float] = []
    messages = count()

    def take(topic: str, payload: bytes) -> None:
        next(messages)
        if topic.endswith("/event"):
            at_ns = time.monotonic_ns()
            body = json.loads(payload)
            heard[body["device"], body["sequence"]] += 1
            latencies_ms.append((at_ns - body["sent_ns"]) / 1e6)

    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(f"hub-{number}", on_publish=take), "127.0.0.1", port)
    await client.connected
    for topic in topics:
        await client.subscribe(topic)
    parent.send("connected")
    while not await asyncio.to_thread(parent.poll, 0.2):
        pass
    until_s, before = time.monotonic() + DRAIN_S, -1
    while time.monotonic() < until_s and len(latencies_ms) != before:
        before = len(latencies_ms)
        await asyncio.sleep(2.0)
    parent.send((dict(heard), latencies_ms, next(messages), psutil.Process().cpu_times()))
    client.close()


def _child(work: Any, *arguments: Any) -> None:
    asyncio.run(work(*arguments))


class Children:
    """Processes and a pipe to each."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self.pipes: list[Connection] = []
        self._processes: list[Any] = []

    def start(self, work: Any, *arguments: Any) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_child, args=(work, *arguments, theirs), daemon=True)
        process.start()
        self.pipes.append(ours)
        self._processes.append(process)

    def end(self) -> None:
        for process in self._processes:
            process.join(10)


def measure(port: int, broker: psutil.Process, fleet: int, seconds: float, consumers: int) -> dict[str, str]:
    """One row of the table."""
    hubs, fleets = Children(), Children()
    share = "$share/hub/" if consumers > 1 else ""
    topics = [f"{share}emotion/+/{name}" for name in ("event", "state", "health")]
    for number in range(consumers):
        hubs.start(consumer, port, number, topics)
    for pipe in hubs.pipes:
        pipe.recv()
    names = [f"device-{number:05d}" for number in range(fleet)]
    began_s = time.monotonic()
    for half in (names[::2], names[1::2]):
        fleets.start(devices, port, half, seconds)
    for pipe in fleets.pipes:
        pipe.recv()
    connected_s = time.monotonic() - began_s
    cpu_s, start_s = sum(broker.cpu_times()[:2]), time.monotonic() + 0.5
    for pipe in fleets.pipes:
        pipe.send(start_s)
    told = [pipe.recv() for pipe in fleets.pipes]
    broker_cpu = (sum(broker.cpu_times()[:2]) - cpu_s) / (time.monotonic() - start_s)
    rss_mb = broker.memory_info().rss / 1e6
    sent = {(name, number) for counts, _, _ in told for name, last in counts.items() for number in range(1, last + 1)}
    for pipe in hubs.pipes:
        pipe.send("end")
    heard = [pipe.recv() for pipe in hubs.pipes]
    hubs.end()
    fleets.end()
    arrived = Counter[tuple[str, int]]()
    for part, _, _, _ in heard:
        arrived.update(part)
    late = sorted(latency for _, latencies, _, _ in heard for latency in latencies)

    def percentile(p: float) -> str:
        return f"{late[min(len(late) - 1, int(p * len(late)))]:.1f} ms" if late else "-"

    return {
        "devices": f"{fleet}",
        "consumers": f"{consumers}{' (shared)' if share else ''}",
        "all connected in": f"{connected_s:.1f} s",
        "events": f"{len(sent)}",
        "messages/s to consumers": f"{sum(part[2] for part in heard) / seconds:.0f}",
        "broker CPU": f"{broker_cpu:.2f} core",
        "broker RSS": f"{rss_mb:.0f} MB",
        "p50": percentile(0.5),
        "p95": percentile(0.95),
        "p99": percentile(0.99),
        "max": percentile(1.0),
        "lost": f"{len(sent - arrived.keys())}",
        "twice": f"{sum(times - 1 for times in arrived.values())}",
        "refused": f"{sum(refused for _, refused, _ in told)}",
        "devices' CPU": f"{sum(sum(cpu[:2]) for _, _, cpu in told) / seconds:.2f} core",
        "consumers' CPU": f"{sum(sum(part[3][:2]) for part in heard) / seconds:.2f} core",
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the day lasts")
    parser.add_argument("--consumers", type=int, nargs="+", default=[1, 4], help="a row each; above 1: they share")
    options = parser.parse_args(arguments)
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        raise SystemExit("mosquitto is not installed: apt install mosquitto")
    rows = []
    for consumers in options.consumers:
        with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            configuration = Path(folder) / "mosquitto.conf"
            configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
            with subprocess.Popen([program, "-c", configuration], stderr=subprocess.DEVNULL) as broker:
                try:
                    _await(port)
                    process = psutil.Process(broker.pid)
                    rows.append(measure(port, process, options.devices, options.seconds, consumers))
                finally:
                    broker.terminate()
    print(f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}; a day in", end=" ")
    print(f"{options.seconds:g} s; load average before the end {psutil.getloadavg()[0]:.1f}\n")
    print("| |" + " |" * len(rows))
    print("|---|" + "---|" * len(rows))
    for name in rows[0]:
        print(f"| {name} | " + " | ".join(row[name] for row in rows) + " |")


def _await(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise SystemExit("mosquitto does not accept connections")


if __name__ == "__main__":
    main()
