"""The other end: a mosquitto that can be killed, and a listener that misses nothing it is given."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


class Broker:
    """mosquitto on a free loopback port; `tls` is a folder with server.pem and server.key.

    `durable`: it saves its sessions at every change, so that it loses nothing of its own when it is killed (slow).
    """

    def __init__(self, folder: Path, tls: Path | None = None, *, durable: bool = False) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise SystemExit("mosquitto is not installed: sudo apt-get install mosquitto")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.tls_port = probe.getsockname()[1]
        text = (
            f"user {getpass.getuser()}\npersistence true\npersistence_location {folder}/\n"
            f"max_queued_messages 0\nallow_anonymous true\nlistener {self.port} 127.0.0.1\n"
        )
        if durable:
            text = "autosave_on_changes true\nautosave_interval 1\n" + text
        if tls is not None:
            text += f"listener {self.tls_port} 127.0.0.1\ncertfile {tls}/server.pem\nkeyfile {tls}/server.key\n"
        (folder / "broker.conf").write_text(text, encoding="utf-8")
        self._command = [program, "-c", str(folder / "broker.conf")]
        self.url = f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.01)
        raise SystemExit("mosquitto does not accept connections")

    def end(self, *, kill: bool = False) -> None:
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait()


class Listener:
    """Every event that arrives, in a session that outlives the broker: (sequence, id, late, delay in s, when)."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[int, str, bool, float, float]] = []
        self.gaps: list[dict[str, Any]] = []
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "listener", clean_session=False, protocol=mqtt.MQTTv311)
        self._client.reconnect_delay_set(0.02, 0.02)  # type: ignore[arg-type]
        self._client.on_connect = lambda client, *_: client.subscribe("emotion/bench/event", 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if not self._ready.wait(10):
            raise SystemExit("the listener's subscription was not acknowledged")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, wanted: Callable[[], bool], limit_s: float) -> bool:
        end = time.monotonic() + limit_s
        while not wanted() and time.monotonic() < end:
            time.sleep(0.01)
        return wanted()

    def numbers(self) -> dict[int, str]:
        """Each sequence number with its id; SystemExit if one number came under two ids."""
        found: dict[int, str] = {}
        for number, name, *_ in list(self.heard):
            if found.setdefault(number, name) != name:
                raise SystemExit(f"sequence {number}: two events")
        return found

    def _note(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        now, body = time.time(), json.loads(message.payload)
        if body["type"] == "gap":
            self.gaps.append(body)
            return
        told = datetime.fromisoformat(body["time"].replace("Z", "+00:00")).timestamp()
        self.heard.append((body["sequence"], body["id"], body["late"], now - told, now))
