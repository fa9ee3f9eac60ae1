"""Records to publish, and publishers that end with their test."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.config import DeviceConfig, MqttConfig, VehicleConfig
from edge.publish import Publisher
from edge.publish.outbox import Outbox
from edge.records import EMOTIONS, EmotionEstimate, EmotionEvent, Evidence, Health, ModelInfo, SensorHealth
from tests.publish.network import Gate

DEVICE = DeviceConfig(id="kitchen-pi", place="kitchen")
OVERLAY = Path(__file__).parents[2] / "docs" / "vehicle" / "apparent-emotion.vspec"
#: What the overlay is laid over: the branches of the standard catalogue that it extends.
BASE = "".join(
    f"{path}:\n  type: branch\n  description: {path}.\n" for path in ("Vehicle", "Vehicle.Driver", "Vehicle.Cabin")
)
UNITS = """percent:
  definition: Relation measured in percent
  unit: percent
  quantity: relation
  allowed-datatypes: [numeric]
"""
QUANTITIES = "relation:\n  definition: A relation\n  remark: ''\n"


@pytest.fixture
def event_of() -> Callable[..., EmotionEvent]:
    """An event that happened just now, on a face that was seen 40 ms ago."""

    def make(emotion: str = "happy", previous: str | None = "neutral", kind: Any = "emotion.change") -> EmotionEvent:
        now_ns = time.monotonic_ns()
        probabilities = {name: 0.7 if name == emotion else 0.05 for name in EMOTIONS}
        estimate = EmotionEstimate(
            subject="face-3",
            emotion=emotion,
            confidence=0.7,
            probabilities=probabilities,
            valence=0.62,
            arousal=0.31,
            agreement=None,
            modalities={"face": Evidence(1.0, 0.9, now_ns - 40_000_000, probabilities)},
            start_ns=now_ns - 2_000_000_000,
            time_ns=now_ns,
        )
        return EmotionEvent(kind, estimate, previous, 5400)

    return make


@pytest.fixture
def health() -> Health:
    camera = SensorHealth("ok", "", "rtsp://door:s3cret@10.0.0.7/main", 14.9, 1503, 2, 0)
    microphone = SensorHealth("down", "no device named 'USB mic'", "device:USB mic", 0.0, 0, 0, 3)
    return Health(100.25, camera, microphone, 1400, 0, 17, 31.0, 88.5, 150_000_000, 0.25, None)


@pytest.fixture
def models() -> list[ModelInfo]:
    metrics = {"int8": {"accuracy": 0.6512345, "ece": float("nan")}, "classes": ["angry", "happy"], "samples": 3589}
    return [ModelInfo("face", "face-emotion", "1.0.0", "0f" * 32, "Apache-2.0; data: non-commercial", metrics)]


@pytest.fixture
def publish_to() -> Iterator[Callable[..., Publisher]]:
    """A started publisher for the broker at a url; keywords are keys of [mqtt]."""
    publishers: list[Publisher] = []

    def start(url: str, **keys: Any) -> Publisher:
        publisher = Publisher(MqttConfig(url=url, **keys), DEVICE)
        publishers.append(publisher)
        publisher.start()
        return publisher

    yield start
    for publisher in publishers:
        publisher.close(0.5)


@pytest.fixture
def open_outbox():
    """Starts an outbox whose events are bare numbers."""
    outboxes: list[Outbox] = []

    def build(path, commit_hz: float = 0.75) -> Outbox:
        outbox = Outbox(
            path,
            most_bytes=1_000_000,
            most_days=7,
            commit_hz=commit_hz,
            drain_hz=1000,
            utc_ms=lambda: time.time_ns() // 1_000_000,
            gap_body=lambda first, last, count, reason: {"first": first, "count": count, "reason": reason},
            on_ready=lambda: None,
        )
        outboxes.append(outbox)
        outbox.start()
        return outbox

    yield build
    for outbox in outboxes:
        outbox.close(5)


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Waits until a condition holds."""

    def wait(condition: Callable[[], Any], timeout_s: float = 15.0) -> Any:
        end_s = time.monotonic() + timeout_s
        while not (found := condition()):
            if time.monotonic() > end_s:
                pytest.fail(f"did not become true within {timeout_s} s")
            time.sleep(0.01)
        return found

    return wait


@pytest.fixture
def gate(mosquitto):
    """Builds doors in front of `mosquitto`; `Gate` says what they do."""
    gates = []

    def build(answer) -> Gate:
        gates.append(Gate(mosquitto.port, answer))
        return gates[-1]

    yield build
    for one in gates:
        one.close()


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with an authority's ca.pem, and signed by it: server.pem for localhost, other.pem for another host,
    client.pem for the user kitchen-pi; each with its .key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path / "certificates"
    folder.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    authority = ["-subj", "/CN=test authority", "-addext", "keyUsage=critical,keyCertSign"]  # Python 3.13 is strict
    openssl(*new, *authority, "-keyout", "ca.key", "-out", "ca.pem")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
    hosts = {"server": "localhost", "address": "localhost,IP:127.0.0.1", "other": "elsewhere.example"}
    for name, host in hosts.items():
        names = ["-subj", "/CN=broker", "-addext", f"subjectAltName=DNS:{host}"]
        openssl(*new, *signed, *names, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(*new, *signed, "-subj", "/CN=kitchen-pi", "-keyout", "client.key", "-out", "client.pem")
    return folder


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory) -> dict[str, dict]:
    """VSS path -> the signal, as vss-tools exports the overlay."""
    if sys.version_info < (3, 11):
        pytest.skip("vss-tools needs Python 3.11")
    folder = tmp_path_factory.mktemp("vss")
    for name, text in (("base.vspec", BASE), ("units.yaml", UNITS), ("quantities.yaml", QUANTITIES)):
        (folder / name).write_text(text)
    arguments = ["--vspec", "base.vspec", "--overlays", OVERLAY, "--units", "units.yaml"]
    arguments += ["--quantities", "quantities.yaml", "--strict", "--output", "vss.json"]
    vspec = Path(sys.executable).with_name("vspec")
    command = [vspec, "export", "json", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, dict] = {}

    def walk(path: str, node: dict) -> None:
        if node["type"] != "branch":
            found[path] = node
        for name, child in node.get("children", {}).items():
            walk(f"{path}.{name}", child)

    walk("Vehicle", json.loads((folder / "vss.json").read_text())["Vehicle"])
    return found


@pytest.fixture
def drive(mosquitto):
    """A started publisher in a vehicle; keywords are keys of [vehicle]."""
    running = []

    def start(state_hz: float = 50, **keys) -> Publisher:
        vehicle = VehicleConfig(enabled=True, **keys)
        running.append(Publisher(MqttConfig(url=mosquitto.url, state_hz=state_hz), DEVICE, vehicle=vehicle))
        running[-1].start()
        return running[-1]

    yield start
    for publisher in running:
        publisher.close(0.5)
