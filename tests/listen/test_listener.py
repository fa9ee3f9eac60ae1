"""The command as a process, against a real mosquitto and the real publisher."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from edge.config import DeviceConfig
from edge.publish import payloads
from tests.relay import Relay


class Listening:
    """`emotion-edge listen` with these arguments; `lines` grow as it prints."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self._out = folder / f"listen-{time.monotonic_ns()}.txt"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "listen", *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
            )

    @property
    def text(self) -> str:
        return self._out.read_text()

    def wait_for(self, *words: str, timeout_s: float = 30.0) -> str:
        end_s = time.monotonic() + timeout_s
        while not all(word in self.text for word in words):
            if time.monotonic() > end_s or self.process.poll() is not None:
                pytest.fail(f"expected {words}, got:\n{self.text}")
            time.sleep(0.02)
        return self.text

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def listen(tmp_path):
    running = []

    def start(*arguments: str, **environment: str) -> Listening:
        running.append(Listening(tmp_path, *arguments, **environment))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def event(event_of) -> dict:
    """A valid payload with sequence 1."""
    return payloads.event(
        event_of(),
        DeviceConfig(id="kitchen-pi"),
        sequence=1,
        event_id=payloads.uuid7(time.time_ns()),
        offset_ns=0,
        latency_ms=1,
    )


def numbered(event: dict, sequence: int) -> dict:
    return {**event, "sequence": sequence, "id": payloads.uuid7(time.time_ns())}


def test_what_a_device_says_is_shown_and_verified(mosquitto, publish_to, event_of, health, models, listen) -> None:
    listening = listen("--broker", mosquitto.url, "--verify")
    listening.wait_for("listening to emotion/+/# on mqtt://127.0.0.1", "MQTT 5")
    publisher = publish_to(mosquitto.url)
    publisher.publish_info(models, ["face", "speech"])
    publisher.publish_health(health)
    publisher.publish_state(event_of().estimate, 1)
    for emotion in ("happy", "sad", "angry"):
        publisher.publish_event(event_of(emotion))
    assert publisher.close(5)
    listening.wait_for("online", "models: face-emotion", "microphone down", "#3 emotion.change", "1 there", "offline")
    assert listening.end() == 0
    assert "device kitchen-pi, available offline" in listening.text
    assert "events 3, duplicates 0, restarts 0, missing 0, told lost 0, invalid 0" in listening.text
    assert "verified: no gap, no invalid payload" in listening.text


def test_a_gap_is_told_and_makes_the_verdict(mosquitto, teller, event, listen) -> None:
    listening = listen("--broker", mosquitto.url, "--verify")
    listening.wait_for("listening to")
    for sequence in (1, 2, 5):
        teller("emotion/kitchen-pi/event", numbered(event, sequence))
    listening.wait_for("#5 ")
    assert listening.end(signal.SIGTERM) == 1
    assert "gap: 2 events are missing, sequence 3 to 4" in listening.text
    assert "not verified" in listening.text


def test_late_ones_and_doubles_are_put_in_order_before_anything_is_judged(mosquitto, teller, event, listen) -> None:
    listening = listen("--broker", mosquitto.url, "--verify")
    listening.wait_for("listening to")
    events = {sequence: numbered(event, sequence) for sequence in (1, 2, 3, 4)}
    for sequence in (1, 4, 2, 2, 3):
        teller("emotion/kitchen-pi/event", {**events[sequence], "late": sequence in (2, 3)})
    listening.wait_for("#3 ", "again: same id")
    assert listening.end() == 0
    assert "events 4, duplicates 1, restarts 0, missing 0" in listening.text


def test_an_invalid_payload_makes_the_verdict_and_json_is_for_programs(mosquitto, teller, event, listen) -> None:
    listening = listen("--broker", mosquitto.url, "--verify", "--json")
    listening.wait_for("listening to")
    teller("emotion/kitchen-pi/event", numbered(event, 1))
    teller("emotion/kitchen-pi/event", {**numbered(event, 2), "confidence": 1.5})
    listening.wait_for("invalid payload")
    assert listening.end() == 1
    told = [json.loads(line) for line in listening.text.splitlines()]
    assert told[1]["payload"]["sequence"] == 1
    assert "confidence: 1.5 is greater" in told[2]["problem"]
    assert told[3]["summary"]["invalid"] == 1
    assert told[4]["good"] is False


def test_only_one_device_and_only_for_some_seconds(mosquitto, teller, event, listen) -> None:
    listening = listen("--broker", mosquitto.url, "--device", "kitchen-pi", "--seconds", "4")
    listening.wait_for("listening to emotion/kitchen-pi/#")
    teller("emotion/cellar-pi/availability", b"online")
    teller("emotion/kitchen-pi/event", event)
    assert listening.process.wait(30) == 0
    assert "#1 emotion.change" in listening.text
    assert "cellar-pi" not in listening.text


def test_nothing_heard_is_nothing_verified(mosquitto, listen) -> None:
    listening = listen("--broker", mosquitto.url, "--verify", "--seconds", "1")
    assert listening.process.wait(30) == 1
    assert "nothing was heard below emotion/" in listening.text


def test_a_restart_of_the_broker_is_told_and_not_held_against_the_device(
    mosquitto, publish_to, event_of, until, listen
) -> None:
    listening = listen("--broker", mosquitto.url, "--verify")
    listening.wait_for("listening to")
    publisher = publish_to(mosquitto.url)
    publisher.publish_event(event_of())
    listening.wait_for("#1 ")
    mosquitto.kill()
    listening.wait_for("lost")
    mosquitto.start()
    listening.wait_for("connected again")
    until(lambda: publisher.connected)
    publisher.publish_event(event_of())
    listening.wait_for("#2 ")
    assert listening.end() == 0


def test_what_comes_while_the_listener_is_away_is_judged_too(mosquitto, teller, event, listen) -> None:
    """A relay in front of the broker cuts the listener off; a device goes on."""
    with Relay(mosquitto.port) as relay:
        listening = listen("--broker", relay.url, "--verify")
        listening.wait_for("listening to")
        teller("emotion/kitchen-pi/event", numbered(event, 1))
        listening.wait_for("#1 ")
        relay.cut()
        listening.wait_for("lost")
        teller("emotion/kitchen-pi/event", numbered(event, 2))
        teller("emotion/kitchen-pi/event", numbered(event, 4))
        relay.joined = True
        listening.wait_for("connected again; the broker kept", "#2 ", "#4 ", timeout_s=60)
        assert listening.end(signal.SIGTERM) == 1
    assert "an event is missing, sequence 3" in listening.text


def test_on_a_terminal_it_is_a_table_that_stays_in_place(mosquitto, teller, event) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 150, 0, 0))
    command = [sys.executable, "-m", "edge", "listen", "--broker", mosquitto.url]
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    heard = b""

    def read_until(*words: bytes) -> bytes:
        nonlocal heard
        end_s = time.monotonic() + 30
        while not all(word in heard.rpartition(b"\x1b[H")[2] for word in words):
            assert time.monotonic() < end_s, heard[-3000:]
            if select.select([ours], [], [], 0.2)[0]:
                heard += os.read(ours, 65536)
        return heard.rpartition(b"\x1b[H")[2]

    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        try:
            read_until(b"listening to")
            teller("emotion/kitchen-pi/health", {"device": "kitchen-pi", "camera": {"state": "ok", "rate_hz": 15.0}})
            teller("emotion/kitchen-pi/availability", b"online")
            for sequence in (1, 2, 5):
                teller("emotion/kitchen-pi/event", numbered(event, sequence))
            read_until(b"kitchen-pi", b"online", b"#5 emotion.change", b"camera ok")
            process.send_signal(signal.SIGINT)
            last = read_until(b"told lost")
        finally:
            process.kill()
    os.close(ours)
    os.close(theirs)
    row = next(line.split() for line in last.splitlines() if line.startswith(b"kitchen-pi"))
    assert row[:2] == [b"kitchen-pi", b"online"]
    assert b"missing 2" in last


def test_without_a_broker_one_clear_message_and_1(listen) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, not listening: refused
        listening = listen("--broker", f"mqtt://127.0.0.1:{probe.getsockname()[1]}")
        assert listening.process.wait(30) == 1
    assert "connection refused: expected a broker on this port" in listening.text
    assert len(listening.text.splitlines()) == 1


def test_the_password_is_taken_from_where_the_service_takes_it(start_mosquitto, tmp_path, listen) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "hub", "right"], check=True)
    broker = start_mosquitto(f"allow_anonymous false\npassword_file {passwords}")
    arguments = ("--broker", broker.url, "--username", "hub", "--seconds", "1")
    assert listen(*arguments, EMOTION_EDGE_MQTT_PASSWORD="right").process.wait(30) == 0
    refused = listen(*arguments, EMOTION_EDGE_MQTT_PASSWORD="wr0ng")
    assert refused.process.wait(30) == 1
    assert "refused: not authorized (code 135)" in refused.text
    assert "wr0ng" not in refused.text


def test_verify_without_jsonschema_names_the_extra(tmp_path) -> None:
    (tmp_path / "jsonschema").mkdir()
    (tmp_path / "jsonschema" / "__init__.py").write_text("raise ImportError('not here')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from edge.cli import main; sys.exit(main())"
    shown = subprocess.run(
        [sys.executable, "-c", code, "listen", "--verify"], capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 1
    assert "pip install 'emotion-edge[listen]'" in shown.stderr
    assert "Traceback" not in shown.stderr
