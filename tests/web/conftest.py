"""The real server as a process of its own, and media to send to it."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from skimage.data import astronaut

from edge.demo.clip import synthetic_voice, write_clip
from tests.conftest import Mosquitto
from tests.publish.conftest import event_of

__all__ = ["event_of"]


class Server:
    """`emotion-edge serve` with these lines in [web]."""

    def __init__(self, folder: Path, lines: str = "") -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"http{'s' if 'cert_file' in lines else ''}://127.0.0.1:{self.port}"
        config = folder / "web.toml"
        config.write_text(f"[web]\nport = {self.port}\n{lines}\n", encoding="utf-8")
        self.log = folder / "web.log"
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "edge", "serve", "--config", str(config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(1200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError(f"it does not answer:\n{self.log.read_text()}")

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=100, **options)

    def close(self) -> int:
        self.process.terminate()
        return self.process.wait(20)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests that need no settings of their own: on loopback, without tokens."""
    server = Server(tmp_path_factory.mktemp("web"), "recording_s = 8.0\nupload_mb = 4\nrequests_per_minute = 100000")
    yield server
    server.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    servers: list[Server] = []

    def begin(lines: str) -> Server:
        servers.append(Server(tmp_path, lines))
        return servers[-1]

    yield begin
    for each in servers:
        each.close()


class Device:
    """`emotion-edge run` with the page: the shipped configuration with `more` lines in some sections."""

    def __init__(self, folder: Path, broker: Mosquitto, more: dict[str, str]) -> None:
        self.broker = broker
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        sections = {
            "device": 'id = "kitchen-pi"\nplace = "kitchen"',
            "mqtt": f'url = "{broker.url}"',
            "health": "interval_s = 0.5",
            "web": f"enabled = true\nport = {self._port}\nrequests_per_minute = 100000",
        }
        text = (Path(__file__).parents[2] / "systemd" / "config.toml").read_text(encoding="utf-8")
        for section in {**sections, **more}:
            lines = f"{sections.get(section, '')}\n{more.get(section, '')}"
            text = text.replace(f"[{section}]", f"[{section}]\n{lines}\n", 1)
        self._folder = folder
        self.config = folder / "config.toml"
        self.config.write_text(text, encoding="utf-8")
        self.start()

    def start(self) -> None:
        """Begin, again too, and wait until it answers."""
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--config", str(self.config)],
                stderr=log,
                env={**os.environ, "STATE_DIRECTORY": str(self._folder)},
            )
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError(f"it does not answer:\n{(self._folder / 'log').read_text()}")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture(scope="session")
def device(tmp_path_factory: pytest.TempPathFactory, mosquitto_program: str) -> Iterator[Device]:
    """One for all tests, which leave it as they find it, its broker too: it sees and hears the demo's clip for ever."""
    folder = tmp_path_factory.mktemp("device")
    broker = Mosquitto(mosquitto_program, folder / "broker")
    broker.start()
    clip = folder / "clip.mkv"
    write_clip(clip, 6, (320, 240))
    source = f'source = "file:{clip}"'
    more = {"camera": source, "microphone": source, "replay": "repeat = true", "web": "live_view = true"}
    device = Device(folder, broker, more)
    yield device
    device.close()
    broker.kill()


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    return cv2.imencode(".jpg", astronaut()[:, :, ::-1])[1].tobytes()


@pytest.fixture(scope="session")
def voice() -> bytes:
    return wav(synthetic_voice(3))


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("video") / "clip.mkv"
    write_clip(path, 4, (320, 240))
    return path.read_bytes()


def wav(samples: np.ndarray) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes((samples * 32767).astype("<i2").tobytes())
    return content.getvalue()
