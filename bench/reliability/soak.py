"""The service for a long time, with a live camera and a live microphone: what grows, and what is lost."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from bench.reliability.hub import Broker, Listener
from bench.reliability.live import FPS, Camera, Microphone, missing, service

Rows = Iterator[tuple[str, str]]

CONFIG = """
[device]
id = "bench"
[camera]
source = "{camera}"
fps = {fps}
[inference]
accelerator = "cpu"
[mqtt]
url = "{hub}"
[fusion]
uncertain_below = 0.2
"""
#: Caches fill and the allocator finds its size: growth is counted from here on.
_SETTLED_S = 180
_MOST_GROWTH = 1.05


def soak(folder: Path, minutes: int = 60) -> Rows:
    """The service at 15 frames a second and with live sound without a break, on a broker, for an hour."""
    if lacking := missing():
        raise SystemExit(f"no live camera and microphone here: {lacking}")
    broker, camera, microphone = Broker(folder), Camera(folder), Microphone(folder)
    broker.start()
    camera.start()
    microphone.start()
    listener = Listener(broker.port)
    health = _hear_health(broker.port)
    config = CONFIG.format(camera=camera.url, fps=FPS, hub=broker.url)
    samples: list[dict[str, float]] = []
    try:
        with service(folder, config, microphone.environment) as running:
            process = psutil.Process(running.pid)
            if not listener.wait(lambda: bool(listener.heard), 60):
                raise SystemExit(f"no event within a minute:\n{(folder / 'log').read_text()}")
            begin = time.monotonic()
            settled = min(_SETTLED_S, minutes * 20)
            cpu_s, then = _cpu_s(process), begin
            while time.monotonic() - begin < minutes * 60:
                time.sleep(30)
                if running.poll() is not None:
                    raise SystemExit(f"the service ended:\n{(folder / 'log').read_text()[-3000:]}")
                now, used_s = time.monotonic(), _cpu_s(process)
                samples.append(
                    {
                        "at_s": now - begin,
                        "rss": process.memory_info().rss,
                        "threads": process.num_threads(),
                        "fds": process.num_fds(),
                        "cpu": (used_s - cpu_s) / (now - then),
                        "load": os.getloadavg()[0],
                    }
                )
                cpu_s, then = used_s, now
                if len(samples) % 20 == 0 or len(samples) == 1:
                    yield f"after {samples[-1]['at_s'] / 60:.0f} minutes", _words(samples[-1], health[-1])
            last = health[-1]
        listener.wait(lambda: False, 2)  # the goodbye
    finally:
        for child in (camera, microphone):
            child.kill()
        listener.close()
        broker.end()
    numbers = listener.numbers()
    holes = max(numbers) - len(numbers)
    kept = [sample for sample in samples if sample["at_s"] >= settled]
    first, end = kept[: max(1, len(kept) // 6)], kept[-max(1, len(kept) // 6) :]

    def mean(part: list[dict[str, float]], name: str) -> float:
        return float(np.mean([sample[name] for sample in part]))

    growth = mean(end, "rss") / mean(first, "rss")
    yield (
        "RSS: first, last sixth of the time",
        (f"{mean(first, 'rss') / 1e6:.1f} MB, {mean(end, 'rss') / 1e6:.1f} MB ({growth * 100 - 100:+.1f} %)"),
    )
    for name in ("threads", "fds"):
        values = [int(sample[name]) for sample in kept]
        yield f"{name}: at first, at the end, most", f"{values[0]}, {values[-1]}, {max(values)}"
    yield "CPU: first, last sixth, of one core", f"{mean(first, 'cpu') * 100:.0f} %, {mean(end, 'cpu') * 100:.0f} %"
    yield (
        "load of the machine: median, most",
        (f"{np.median([s['load'] for s in samples]):.1f}, {max(s['load'] for s in samples):.1f}"),
    )
    yield (
        "frames read, dropped; chunks of sound read, lost",
        (
            f"{last['camera']['read']}, {last['camera']['dropped']}; "
            f"{last['microphone']['read']}, {last['microphone']['dropped']}"
        ),
    )
    yield "events, lost, gap records", f"{len(numbers)}, {holes}, {len(listener.gaps)}"
    if holes or listener.gaps or growth > _MOST_GROWTH or kept[-1]["threads"] > kept[0]["threads"]:
        raise SystemExit("broken: an event was lost, or something grew")
    if kept[-1]["fds"] > kept[0]["fds"]:
        raise SystemExit("broken: file descriptors grew")


def _words(sample: dict[str, float], health: dict[str, Any]) -> str:
    return (
        f"RSS {sample['rss'] / 1e6:.1f} MB, {sample['threads']:.0f} threads, {sample['fds']:.0f} descriptors, "
        f"CPU {sample['cpu'] * 100:.0f} %, {health['camera']['rate_hz']:.1f} fps, p95 {health['latency_p95_ms']} ms, "
        f"load {sample['load']:.1f}"
    )


def _cpu_s(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _hear_health(port: int) -> list[dict[str, Any]]:
    """The health reports, as they come."""
    heard: list[dict[str, Any]] = []
    came = threading.Event()

    def note(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        heard.append(json.loads(message.payload))
        del heard[:-5]
        came.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "soak-health")
    client.on_message = note
    client.connect("127.0.0.1", port)
    client.subscribe("emotion/bench/health")
    client.loop_start()
    return heard
