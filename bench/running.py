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
from datetime import datetime
from pathlib import Path

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


def rows() -> Iterator[tuple[str, str]]:
    broker = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if broker is None:
        yield "the running service", "not measured: mosquitto is not installed (sudo apt-get install mosquitto)"
        return
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
            CONFIG.format(folder=pictures, sound=folder / "voice.wav", port=port, fps=FPS), encoding="utf-8"
        )
        hub = subprocess.Popen([broker, "-c", str(folder / "broker.conf")], stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            yield from _measure(config, port)
        finally:
            hub.terminate()
            hub.wait()


def _measure(config: Path, port: int) -> Iterator[tuple[str, str]]:
    arrived: list[tuple[float, str, dict]] = []  # type: ignore[type-arg]
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench", protocol=mqtt.MQTTv5)
    client.on_message = lambda _c, _u, m: arrived.append((time.time(), m.topic, json.loads(m.payload)))
    client.connect("127.0.0.1", port)
    client.subscribe([("emotion/bench/event", 1), ("emotion/bench/observation/face", 0), ("emotion/bench/health", 0)])
    client.loop_start()
    begin = time.time()
    service = subprocess.Popen([sys.executable, "-m", "edge", "run", "--config", str(config)], stderr=subprocess.PIPE)
    try:
        process = psutil.Process(service.pid)
        while not any(topic.endswith("/event") for _, topic, _ in arrived):
            if service.poll() is not None or time.time() - begin > 30:
                raise SystemExit(f"the service did not come up: {service.stderr.read().decode()}")  # type: ignore
            time.sleep(0.01)
        first = next(at for at, topic, _ in arrived if topic.endswith("/event"))
        yield "process start to the first event at the subscriber", f"{first - begin:.2f} s"
        time.sleep(2)
        cpu, since = sum(process.cpu_times()[:2]), time.time()
        time.sleep(SECONDS)
        share = (sum(process.cpu_times()[:2]) - cpu) / (time.time() - since)
        rss = process.memory_info().rss
    finally:
        asked = time.perf_counter()
        service.terminate()
        code = service.wait(10)
        ended_ms = (time.perf_counter() - asked) * 1000
        client.loop_stop()
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
