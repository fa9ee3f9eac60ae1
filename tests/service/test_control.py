"""Commands to a real service through a real broker."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

ROOT = "emotion/test"


@pytest.fixture
def replay(configure, mosquitto, clip) -> Callable[..., Path]:
    """Writes the configuration of a service that replays the clip for ever."""

    def write(**sections: Any) -> Path:
        return configure(
            **{
                "device": {"id": "test"},
                "camera": {"source": f"file:{clip}"},
                "microphone": {"source": f"file:{clip}"},
                "replay": {"repeat": True},
                "mqtt": {"url": mosquitto.url, "state_hz": 10.0},
                "fusion": {"uncertain_below": 0.15, "hysteresis": 0.0, "dwell_ms": 100, "smoothing_ms": 100},
                "health": {"interval_s": 0.5},
                **sections,
            }
        )

    return write


@pytest.fixture
def hub(mosquitto, subscriber, validators):
    """Sends a command and gives the response, which must be valid."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()

    def ask(name: str, body: Any = None, *, retain: bool = False) -> dict[str, Any]:
        heard = len(subscriber.on(f"response/{name}"))
        payload = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
        client.publish(f"{ROOT}/command/{name}", payload, qos=1, retain=retain)
        response = subscriber.wait_for(lambda s: s.on(f"response/{name}")[heard:])[0]
        validators["response"].validate(response.json())
        assert not response.retain
        return response.json()

    yield ask
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def running(start, replay, subscriber, tmp_path):
    """Starts the service with a state directory, and waits until it sees and hears."""

    def begin(**sections: Any):
        service = start("run", "--config", replay(**sections), env=environment(tmp_path))
        subscriber.wait_for(lambda s: health(s, "camera", "ok") and health(s, "microphone", "ok"), 30)
        return service

    return begin


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", "STATE_DIRECTORY": str(folder)}


def health(subscriber, sensor: str, state: str) -> bool:
    reports = subscriber.on("health")
    return bool(reports) and reports[-1].json()[sensor]["state"] == state


def held_open(service, path: Path) -> int:
    """How many of the service's file descriptors are this file."""
    folder = Path(f"/proc/{service.process.pid}/fd")
    return sum(entry.resolve() == path.resolve() for entry in folder.iterdir())


def ended(service) -> None:
    service.process.send_signal(signal.SIGTERM)
    assert service.wait(timeout_s=20) == 0, service.log
    assert "Traceback" not in service.log


def test_a_muted_camera_is_closed_and_stays_so_over_a_restart(running, start, replay, hub, subscriber, clip, tmp_path):
    service = running()
    assert held_open(service, clip) == 2
    answer = hub("privacy", {"sensor": "camera", "muted": True, "transaction": "t1"})
    assert answer["transaction"] == "t1"
    assert answer["result"] == {"camera": "muted", "microphone": "ok", "kept": True}
    assert held_open(service, clip) == 1
    subscriber.wait_for(lambda s: health(s, "camera", "muted"))
    told = len([m for m in subscriber.on("event") if m.json()["subject"].startswith("face")])
    ended(service)

    again = start("run", "--config", replay(), env=environment(tmp_path))
    again.wait_for("microphone: reading")
    subscriber.wait_for(lambda s: len(s.on("availability")) == 3)
    assert "muted from the start: camera" in again.log
    assert health(subscriber, "camera", "muted")
    assert held_open(again, clip) == 1
    assert len([m for m in subscriber.on("event") if m.json()["subject"].startswith("face")]) == told
    assert hub("privacy", {"sensor": "all", "muted": False})["ok"]
    subscriber.wait_for(lambda s: health(s, "camera", "ok"))
    assert held_open(again, clip) == 2
    ended(again)


def test_whoever_was_known_by_a_muted_sense_alone_leaves_at_once(running, hub, subscriber):
    running(fusion={"absent_ms": 600_000}, face={"track_lost_ms": 10_000})
    subscriber.wait_for(lambda s: [m for m in s.on("state") if m.json()["people"]])
    assert hub("privacy", {"sensor": "all", "muted": True})["ok"]
    subscriber.wait_for(lambda s: s.on("state")[-1].json()["people"] == 0)
    subscriber.wait_for(lambda s: s.on("event")[-1].json()["type"] == "presence.end")


def test_thresholds_change_what_is_told(running, hub, subscriber):
    running()
    subscriber.wait_for(lambda s: [m for m in s.on("event") if m.json()["type"] == "emotion.start"])
    answer = hub("thresholds", {"fusion": {"uncertain_below": 1.0, "dwell_ms": 0}, "speech": {"hop_ms": 400}})
    assert answer["result"]["fusion"]["uncertain_below"] == 1.0
    assert answer["result"]["speech"]["hop_ms"] == 400
    subscriber.wait_for(lambda s: s.on("state") and s.on("state")[-1].json()["emotion"] == "uncertain")
    assert hub("thresholds", {"fusion": {"dwell_ms": -1}})["error"]["code"] == "invalid"
    assert hub("thresholds")["result"] == answer["result"]


def test_a_reset_makes_everybody_new(running, hub, subscriber):
    running()
    subscriber.wait_for(lambda s: s.on("state") and s.on("state")[-1].json()["people"])
    before = len(subscriber.on("event"))
    assert hub("reset")["ok"]
    assert hub("reset", {"what": "smoothing"})["ok"]
    kinds = subscriber.wait_for(
        lambda s: {"presence.end", "presence.start"} <= {m.json()["type"] for m in s.on("event")[before:]}
    )
    assert kinds


def test_a_reload_applies_what_it_can_and_names_the_rest(running, replay, hub, subscriber):
    service = running()
    replay(
        fusion={"dwell_ms": 300},
        health={"interval_s": 0.6},
        camera={"source": "v4l2:7", "fps": 5.0},
        privacy={"start_muted": "microphone"},
    )
    result = hub("reload")["result"]
    assert set(result["applied"]) >= {"fusion.dwell_ms", "fusion.smoothing_ms", "health.interval_s"}
    assert set(result["applied"]) >= {"privacy.start_muted"}
    assert result["restart"] == ["camera.source", "camera.fps"]
    subscriber.wait_for(lambda s: health(s, "microphone", "muted") and health(s, "camera", "ok"))
    assert hub("thresholds")["result"]["fusion"]["dwell_ms"] == 300
    ended(service)


def test_a_reload_with_mistakes_changes_nothing(running, replay, hub, subscriber):
    service = running()
    before = hub("thresholds")["result"]
    path = replay(fusion={"dwell_ms": -3, "dwel_ms": 3})
    error = hub("reload")["error"]
    assert error["code"] == "failed"
    assert "dwell_ms: expected a whole number from 0 to 60000, got -3" in error["message"]
    assert "did you mean 'dwell_ms'" in error["message"]
    service.process.send_signal(signal.SIGHUP)
    service.wait_for("reload: refused, what was in force stays so")
    service.wait_for("got -3")
    assert hub("thresholds")["result"] == before
    path.write_text("[fusion]\ndwell_ms = 900\n")
    service.process.send_signal(signal.SIGHUP)
    service.wait_for("reload: changed ")
    assert hub("thresholds")["result"]["fusion"]["dwell_ms"] == 900
    ended(service)


def test_ping_and_describe(running, hub):
    running()
    assert hub("ping")["result"]["uptime_s"] > 0
    commands = hub("describe")["result"]["commands"]
    assert set(commands) == {"privacy", "reload", "thresholds", "reset", "ping", "describe"}
    assert commands["privacy"]["required"] == ["sensor", "muted"]


def test_what_is_no_command_is_answered_and_harms_nothing(running, hub, subscriber):
    service = running()
    for payload in (b"{", b"\xff", b"[" * 4000, b"x" * 5000, b'{"sensor": "camera"}'):
        assert hub("privacy", payload)["error"]["code"] in ("malformed", "invalid")
    assert hub("self-destruct")["error"]["code"] == "unknown"
    assert hub("ping", {}, retain=True)["error"]["code"] == "retained"
    assert hub("ping")["ok"]
    ended(service)


def test_a_flood_of_commands_does_not_stop_the_service(running, subscriber, mosquitto):
    service = running()
    flood = paho.Client(paho.CallbackAPIVersion.VERSION2)
    flood.max_queued_messages_set(0)
    flood.connect(mosquitto.host, mosquitto.port)
    flood.loop_start()
    resident = re.compile(r"VmRSS:\s+(\d+) kB")
    status = Path(f"/proc/{service.process.pid}/status")
    before_kb = int(resident.search(status.read_text()).group(1))
    for _ in range(5000):
        last = flood.publish(f"{ROOT}/command/ping", b"{" * 4000, qos=1)
    last.wait_for_publish(30)
    subscriber.wait_for(lambda s: any(m.json()["error"]["code"] == "busy" for m in s.on("response/ping")))
    grown_kb = int(resident.search(status.read_text()).group(1)) - before_kb
    assert grown_kb < 20_000  # 5000 payloads are 20 MB
    ping = f"{ROOT}/command/ping"
    for _ in range(100):  # unanswered until the flood has run off
        flood.publish(ping, '{"transaction": "after"}', qos=1)
        time.sleep(0.5)
        if any(m.json()["transaction"] == "after" for m in subscriber.on("response/ping")):
            break
    subscriber.wait_for(lambda s: any(m.json()["transaction"] == "after" for m in s.on("response/ping")))
    flood.disconnect()
    flood.loop_stop()
    ended(service)


def test_what_cannot_be_kept_is_said(start, replay, hub, subscriber):
    environment = {key: value for key, value in os.environ.items() if key != "STATE_DIRECTORY"}
    service = start("run", "--config", replay(), env={**environment, "PYTHONUNBUFFERED": "1"})
    subscriber.wait_for(lambda s: health(s, "camera", "ok"), 30)
    assert "a restart will not know what was muted" in service.log
    assert hub("privacy", {"sensor": "all", "muted": True})["result"]["kept"] is False


def test_a_fast_replay_waits_while_its_camera_is_muted(start, replay, hub, subscriber, tmp_path):
    config = replay(replay={"pace": "fast"}, privacy={"start_muted": "camera"})
    service = start("run", "--config", config, env=environment(tmp_path))
    subscriber.wait_for(lambda s: health(s, "microphone", "ended"), 30)
    assert service.process.poll() is None
    assert not [m for m in subscriber.on("event") if m.json()["subject"].startswith("face")]
    hub("privacy", {"sensor": "camera", "muted": False})
    assert service.wait() == 0
    # It is read to its end; the sound was over by then, so that what it shows is history and nobody comes or goes.
    assert subscriber.on("health")[-1].json()["faces_observed"] > 0
    assert not [m for m in subscriber.on("event") if m.json()["subject"].startswith("face")]
