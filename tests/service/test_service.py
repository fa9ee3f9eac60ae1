"""The service from end to end: real files through real models to a real broker."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import psutil
import pytest
from jsonschema import Draft202012Validator

from edge.config_toml import load_config
from edge.publish.store import Store
from edge.service import service as running
from edge.service.machine import Machine
from edge.service.stopping import StopRequest

VIDEO = Path(__file__).parents[2].parent / "shared" / "data" / "av" / "bbaf2n.mpg"


@pytest.fixture
def replay(configure, mosquitto, clip):
    """A configuration that replays a clip to the broker, as quick-tempered as a short clip needs."""

    def write(path: Path = clip, pace: str = "real", repeat: bool = False, **sections) -> Path:
        return configure(
            device={"id": "test"},
            camera={"source": f"file:{path}"},
            microphone={"source": f"file:{path}"},
            replay={"pace": pace, "repeat": repeat},
            mqtt={"url": mosquitto.url, "observations": True},
            fusion={"uncertain_below": 0.15, "hysteresis": 0.0, "dwell_ms": 100, "smoothing_ms": 100},
            health={"interval_s": 0.5},
            **sections,
        )

    return write


def assert_valid(validators: dict[str, Draft202012Validator], subscriber) -> None:
    names = {f"emotion/test/{name}": name for name in ("event", "state", "info", "health")}
    names |= {
        "emotion/test/observation/face": "observation-face",
        "emotion/test/observation/speech": "observation-speech",
    }
    checked = set()
    for message in subscriber.messages:
        if message.topic != "emotion/test/availability":
            validators[names[message.topic]].validate(message.json())
            checked.add(names[message.topic])
    assert checked == set(names.values())


def assert_offline_stays(broker, subscribe) -> None:
    """Who comes after the end learns of it: the broker keeps `offline`."""
    kept = subscribe(broker.url).wait_for(lambda s: s.on("availability"))
    assert [(message.payload, message.retain) for message in kept] == [(b"offline", True)]


def assert_gap_free(subscriber) -> None:
    sequences = [message.json()["sequence"] for message in subscriber.on("event")]
    assert sequences == list(range(1, len(sequences) + 1))


@pytest.mark.skipif(not VIDEO.is_file(), reason="shared/data/av is not here")
def test_a_person_who_talks_arrives_at_the_hub(start, replay, mosquitto, subscriber, subscribe, validators):
    service = start("run", "--config", replay(VIDEO, repeat=True))
    subscriber.wait_for(
        lambda s: any(set(m.json()["modalities"] or ()) == {"face", "speech"} for m in s.on("event") + s.on("state"))
    )
    subscriber.wait_for(lambda s: len(s.on("event")) >= 2)
    subscriber.wait_for(
        lambda s: any(
            h["camera"]["read"] > 20 and h["faces_observed"] > 10 for h in (m.json() for m in s.on("health"))
        ),
        timeout_s=60,
    )
    assert service.process.poll() is None
    service.process.send_signal(signal.SIGTERM)
    assert service.wait(timeout_s=20) == 0, service.log
    subscriber.wait_for(lambda s: [m.payload for m in s.on("availability")] == [b"online", b"offline"])
    assert_offline_stays(mosquitto, subscribe)
    kinds = [message.json()["type"] for message in subscriber.on("event")]
    assert kinds[0] == "presence.start"
    assert kinds[-1] == "presence.end"
    assert "emotion.start" in kinds
    assert_valid(validators, subscriber)
    assert_gap_free(subscriber)
    assert subscriber.on("health")[-1].json()["latency_p95_ms"] > 0


def test_the_demo_clip_comes_stays_and_leaves(start, replay, subscriber, validators):
    service = start("run", "--config", replay(pace="fast"))
    assert service.wait() == 0, service.log
    subscriber.wait_for(lambda s: b"offline" in [m.payload for m in s.on("availability")])
    events = [message.json() for message in subscriber.on("event")]
    assert {event["subject"] for event in events} >= {"voice", "face-1"}
    assert {event["type"] for event in events} >= {"presence.start", "emotion.start", "emotion.end", "presence.end"}
    assert_gap_free(subscriber)


def test_a_fast_replay_tells_the_same_story_every_time(start, replay, subscriber):
    config = replay(pace="fast")
    assert start("run", "--config", config).wait() == 0
    assert start("run", "--config", config).wait() == 0
    events = subscriber.wait_for(lambda s: len(s.on("availability")) == 4 and s.on("event"))
    story = [(e["type"], e["subject"], e["emotion"], e["confidence"]) for e in (m.json() for m in events)]
    assert len(story) % 2 == 0
    assert story[: len(story) // 2] == story[len(story) // 2 :]


def test_a_killed_service_leaves_its_will(start, replay, mosquitto, subscriber, subscribe):
    service = start("run", "--config", replay(repeat=True))
    subscriber.wait_for(lambda s: s.on("event"))
    service.process.kill()
    message = subscriber.wait_for(lambda s: s.on("availability")[1:])[0]
    assert message.payload == b"offline"
    assert_offline_stays(mosquitto, subscribe)


def test_nothing_is_written_to_disk(start, replay, subscriber):
    """The kernel refuses every byte to a file: had the service tried, it would have been killed by SIGXFSZ."""
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))}
    service = start("run", "--config", replay(pace="fast"), **limit)
    assert service.wait() == 0, service.log
    subscriber.wait_for(lambda s: s.on("observation/face") and s.on("observation/speech"))


def test_on_disk_are_events_that_wait_and_nothing_else(start, replay, mosquitto, tmp_path, monkeypatch, validators):
    mosquitto.stop()
    folders = {name: tmp_path / name for name in ("STATE_DIRECTORY", "TMPDIR", "HOME", "XDG_CACHE_HOME")}
    for name, folder in folders.items():
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    service = start("run", "--config", replay(pace="fast"))
    assert service.wait() == 0, service.log
    file = tmp_path / "STATE_DIRECTORY" / "outbox.sqlite"
    assert [path for folder in folders.values() for path in folder.rglob("*")] == [file]
    store = Store(file, 1_000_000, lambda *_: pytest.fail("nothing is forced out"))
    events = store.read(0, 1000)
    store.close()
    for event in events:
        validators["event"].validate(event.body)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events
    assert file.stat().st_size < 1000 * (len(events) + 10)


def test_without_a_camera_hearing_goes_on(start, replay, subscriber, clip):
    config = replay()
    config.write_text(config.read_text().replace(f'source = "file:{clip}"', 'source = "v4l2:99"', 1))
    service = start("run", "--config", config)
    health = subscriber.wait_for(lambda s: [m for m in s.on("health") if m.json()["camera"]["state"] == "down"])
    assert "v4l2:99" in health[0].json()["camera"]["reason"]
    subscriber.wait_for(lambda s: [m for m in s.on("event") if m.json()["subject"] == "voice"])
    service.process.send_signal(signal.SIGTERM)
    assert service.wait(timeout_s=20) == 0
    assert service.log.count("v4l2:99") == 1
    assert "Traceback" not in service.log


def test_without_a_microphone_seeing_goes_on(start, replay, subscriber, clip):
    config = replay(repeat=True)
    text = config.read_text().replace(
        f'[microphone]\nsource = "file:{clip}"', '[microphone]\nsource = "device:none such"'
    )
    config.write_text(text)
    service = start("run", "--config", config)
    subscriber.wait_for(
        lambda s: [m for m in s.on("health") if m.json()["microphone"]["state"] == "down"], timeout_s=60
    )
    subscriber.wait_for(lambda s: [m for m in s.on("event") if m.json()["subject"].startswith("face-")], timeout_s=60)
    sockets = psutil.Process(service.process.pid).net_connections("inet")
    assert any(each.raddr for each in sockets)  # to the hub
    assert [each for each in sockets if each.status == psutil.CONN_LISTEN or not each.raddr] == []
    service.process.send_signal(signal.SIGINT)
    assert service.wait(timeout_s=20) == 0
    assert "microphone: " in service.log
    assert "Traceback" not in service.log


def test_without_a_broker_it_says_so_once_and_ends_in_time(start, configure, clip):
    config = configure(
        camera={"source": f"file:{clip}"},
        microphone={"enabled": False},
        replay={"repeat": True},
        mqtt={"url": "mqtt://127.0.0.1:9"},
        log={"level": "DEBUG"},
    )
    service = start("run", "--config", config, "--watch")
    service.wait_for("hub away")
    service.wait_for("DEBUG mqtt://127.0.0.1:9: ")  # a further attempt, which nobody is told of by default
    service.process.send_signal(signal.SIGTERM)
    assert service.wait(timeout_s=20) == 0
    told = [line for line in service.log.splitlines() if "127.0.0.1:9" in line and " DEBUG " not in line]
    assert len(told) == 1
    assert " WARNING mqtt://127.0.0.1:9: " in told[0]
    assert "Traceback" not in service.log


def test_events_of_a_broker_that_comes_late_arrive(start, replay, mosquitto, subscribe):
    mosquitto.stop()
    service = start("run", "--config", replay(repeat=True))
    service.wait_for("camera: reading")
    mosquitto.start()
    subscriber = subscribe(mosquitto.url)
    subscriber.wait_for(lambda s: len(s.on("event")) > 1)
    assert_gap_free(subscriber)
    service.process.send_signal(signal.SIGTERM)
    assert service.wait(timeout_s=20) == 0


def test_events_that_a_recording_leaves_undelivered_make_the_exit_code_1(start, configure, clip):
    config = configure(
        camera={"source": f"file:{clip}"},
        microphone={"enabled": False},
        replay={"pace": "fast"},
        mqtt={"url": "mqtt://127.0.0.1:9"},
    )
    service = start("run", "--config", config)
    assert service.wait() == 1
    assert "not acknowledged" in service.log


def test_a_reader_of_watch_that_goes_away_does_not_end_the_service(replay, subscriber):
    command = [sys.executable, "-m", "edge", "run", "--config", replay(repeat=True), "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as service:
        assert b"camera" in service.stdout.readline()
        service.stdout.close()
        seen = len(subscriber.on("health"))
        subscriber.wait_for(lambda s: len(s.on("health")) > seen + 4)
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0


def test_a_signal_before_the_models_are_loaded_is_not_lost(start, replay, subscriber):
    service = start("run", "--config", replay(repeat=True))
    service.wait_for("starts as 'test'")
    service.process.send_signal(signal.SIGTERM)
    assert service.wait(timeout_s=10) == 0
    subscriber.wait_for(lambda s: [m.payload for m in s.on("availability")] == [b"online", b"offline"])


def test_a_recording_that_cannot_be_read_makes_the_exit_code_1(start, replay, tmp_path):
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"no video at all" * 100)
    service = start("run", "--config", replay(damaged))
    assert service.wait() == 1
    assert "damaged.mp4" in service.log
    assert "Traceback" not in service.log


def test_a_machine_that_throttles_and_a_clock_that_is_wrong_are_told_of(replay, subscriber, tmp_path, monkeypatch):
    """In this process: the firmware's file of a Raspberry Pi is another one here, and nobody has set the clock."""
    firmware = tmp_path / "get_throttled"
    firmware.write_text("50004\n")
    monkeypatch.setattr(running, "Machine", partial(Machine, firmware, lambda: False))
    request = StopRequest()
    service = running.Service(load_config(replay(repeat=True)), request)
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        subscriber.wait_for(lambda s: s.on("event"), timeout_s=60)
        held = subscriber.on("health")[-1].json()
        assert (held["throttled"], held["held_back"] != "") == (["throttled"], True)
        assert held["looked_hz"] <= 7.5  # half of the 15; less where this machine is busy
        assert held["clock_synchronized"] is False
        assert {m.json()["clock_synchronized"] for m in subscriber.on("event")} == {False}
        firmware.write_text("50000\n")
        subscriber.wait_for(lambda s: s.on("health")[-1].json()["throttled"] == [], timeout_s=60)
        assert subscriber.on("health")[-1].json()["held_back"] != "heat"
    finally:
        request.asked = True
        thread.join(30)
    assert not thread.is_alive()
