"""The running service as a process of its own, between a replayed camera and microphone and a real mosquitto."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from bench.steps import portrait
from edge.demo.clip import synthetic_voice

FPS = 15
SECONDS = 30

CONFIG = """
[device]
id = "bench"
[camera]
source = "images:{folder}"
fps = {fps}
[microphone]
source = "file:{sound}"
[replay]
repeat = true
[mqtt]
url = "mqtt://127.0.0.1:{port}"
observations = true
[health]
interval_s = 5
"""


class BrokerMissing(Exception):
    """There is no mosquitto; the message says what to do."""


class Running(NamedTuple):
    """A service that was just started. `arrived` is what came from it so far: when, topic, payload."""

    service: subprocess.Popen[bytes]
    since: float
    arrived: list[tuple[float, str, dict[str, Any]]]


@contextmanager
def running(more: str = "") -> Iterator[Running]:
    """The service with `more` lines of configuration, ended at the end.

    Raises:
        BrokerMissing: there is no mosquitto.
    """
    broker = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if broker is None:
        raise BrokerMissing("mosquitto is not installed (sudo apt-get install mosquitto)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = folder / "pictures"
        pictures.mkdir()
        for number in range(FPS):
            shifted = np.roll(portrait(), number, axis=1)
            cv2.imwrite(str(pictures / f"{number:02}.jpg"), shifted[:, :, ::-1])
        with wave.open(str(folder / "voice.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(16_000)
            sound.writeframes((synthetic_voice(20) * 32767).astype("<i2").tobytes())
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        (folder / "broker.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
        config = folder / "config.toml"
        config.write_text(
            CONFIG.format(folder=pictures, sound=folder / "voice.wav", port=port, fps=FPS) + more, encoding="utf-8"
        )
        hub = subprocess.Popen([broker, "-c", str(folder / "broker.conf")], stderr=subprocess.DEVNULL)
        service = None
        arrived: list[tuple[float, str, dict[str, Any]]] = []
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5)
        client.on_message = lambda _c, _u, m: arrived.append((time.time(), m.topic, json.loads(m.payload)))
        try:
            time.sleep(0.5)
            client.connect("127.0.0.1", port)
            client.subscribe([(f"emotion/bench/{name}", 0) for name in ("observation/face", "health")])
            client.subscribe("emotion/bench/event", 1)
            client.loop_start()
            command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
            since = time.time()
            service = subprocess.Popen(command, stderr=subprocess.PIPE)
            yield Running(service, since, arrived)
        finally:
            client.loop_stop()
            if service is not None:
                service.kill()
                service.wait()
            hub.terminate()
            hub.wait()


def rows() -> Iterator[tuple[str, str]]:
    try:
        with running() as started:
            yield from _measure(started)
    except BrokerMissing as error:
        yield "the running service", f"not measured: {error}"


def first_event(started: Running, most_s: float = 30) -> float:
    """Wait until the service does its work; when its first event came."""
    while not (events := [at for at, topic, _ in started.arrived if topic.endswith("/event")]):
        if started.service.poll() is not None or time.time() - started.since > most_s:
            started.service.kill()
            raise SystemExit(f"the service did not come up: {started.service.stderr.read().decode()}")  # type: ignore
        time.sleep(0.01)
    return events[0]


def _measure(started: Running) -> Iterator[tuple[str, str]]:
    service, begin, arrived = started
    process = psutil.Process(service.pid)
    first = first_event(started)
    yield "process start to the first event at the subscriber", f"{first - begin:.2f} s"
    time.sleep(2)
    cpu, since = sum(process.cpu_times()[:2]), time.time()
    time.sleep(SECONDS)
    share = (sum(process.cpu_times()[:2]) - cpu) / (time.time() - since)
    rss = process.memory_info().rss
    asked = time.perf_counter()
    service.terminate()
    code = service.wait(10)
    ended_ms = (time.perf_counter() - asked) * 1000
    faces = [(at, _seconds(payload["time"])) for at, topic, payload in arrived if topic.endswith("/face")]
    yield "frame of the first face to the first event at the subscriber", f"{first - faces[0][1]:.2f} s"
    latency = [(at - seen) * 1000 for at, seen in faces if at > since]
    p50, p95 = np.percentile(latency, (50, 95))
    health = [payload for _, topic, payload in arrived if topic.endswith("/health")][-1]
    yield f"frame to subscriber at {FPS} fps, with speech", f"p50 {p50:.0f} ms, p95 {p95:.0f} ms ({len(latency)} faces)"
    yield "resident memory", f"{rss / 1e6:.0f} MB"
    yield f"CPU at {FPS} fps and speech without a break", f"{share * 100:.0f} % of one core"
    yield "frames dropped", f"{health['camera']['dropped']} of {health['camera']['read']}"
    yield "SIGTERM to exit", f"{ended_ms:.0f} ms (exit code {code})"


def _seconds(time_utc: str) -> float:
    return datetime.fromisoformat(time_utc.replace("Z", "+00:00")).timestamp()
