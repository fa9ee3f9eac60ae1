"""The whole for a fault or a soak: the service, a live camera and microphone, a broker, and a hub that looks on."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.reliability.hub import Broker
from bench.reliability.live import FPS, Camera, Microphone, service

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
[health]
interval_s = {health_s}
"""
_PATIENCE_S = 90.0


class Hub:
    """Hears health and events, with the time of their arrival."""

    def __init__(self, port: int) -> None:
        self._news = threading.Condition()
        self.reports: list[tuple[float, dict[str, Any]]] = []
        self.events: list[tuple[float, dict[str, Any]]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "faults")
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("emotion/bench/health", 0), ("emotion/bench/event", 1)])
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, wanted: Callable[[dict[str, Any]], object], what: str) -> float:
        """The time at which a report came that `wanted` holds for."""
        begin = time.monotonic()

        def found() -> float | None:
            return next((at for at, report in self.reports if at >= begin and wanted(report)), None)

        with self._news:
            if not self._news.wait_for(lambda: found() is not None, _PATIENCE_S):
                raise SystemExit(f"not within {_PATIENCE_S:g} s: {what}; the last report: {self.reports[-1:]}")
            return found() or 0.0

    def silence_s(self, sense: str, since: float, until: float) -> float:
        """The longest time in which `sense` read nothing, as exactly as the reports are dense."""
        reports = list(self.reports)
        # A service without CPU tells late: what counts is when it counted.
        started = min(at - report["uptime_s"] for at, report in reports)
        moved, longest, count = since, 0.0, -1
        for _, report in reports:
            at = started + report["uptime_s"]
            if since <= at <= until and report[sense]["read"] != count:
                longest, moved, count = max(longest, at - moved), at, report[sense]["read"]
        return max(longest, until - moved)

    def _note(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        with self._news:
            kept = self.reports if message.topic.endswith("health") else self.events
            kept.append((time.monotonic(), json.loads(message.payload)))
            self._news.notify_all()


@dataclass(slots=True)
class Stage:
    """Everything a fault needs: what can be broken, and who looks on."""

    folder: Path
    broker: Broker
    hub: Hub
    camera: Camera
    microphone: Microphone
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def stage(
    *,
    camera: bool = True,
    microphone: bool = True,
    environment: dict[str, str] | None = None,
    health_s: float = 0.5,
) -> Iterator[Stage]:
    """A running service with those devices that are there from the start; health is told every `health_s`."""
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        broker, eye, ear = Broker(folder), Camera(folder), Microphone(folder)
        broker.start()
        ends.callback(broker.end)
        for device, there in ((eye, camera), (ear, microphone)):
            ends.callback(device.kill)
            if there:
                device.start()
        hub = Hub(broker.port)
        ends.callback(hub.close)
        config = CONFIG.format(camera=eye.url, fps=FPS, hub=broker.url, health_s=health_s)
        running = ends.enter_context(service(folder, config, {**ear.environment, **(environment or {})}))
        yield Stage(folder, broker, hub, eye, ear, running)


def well(report: dict[str, Any]) -> bool:
    """Both senses read."""
    return all(report[sense]["state"] == "ok" and report[sense]["rate_hz"] > 0 for sense in ("camera", "microphone"))
