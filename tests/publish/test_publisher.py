"""The publisher against a real mosquitto: what subscribers hear, in which order, and what outlives the device."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from edge.config import DeviceConfig, MqttConfig
from edge.publish import Publisher
from edge.records import Box, FaceObservation

ROOT = "emotion/kitchen-pi"


def numbers(subscriber) -> list[int]:
    """Sequence numbers as heard."""
    return [message.json()["sequence"] for message in subscriber.on("event")]


def last(subscriber, name: str):
    """The newest payload below this name, None before the first."""
    heard = subscriber.on(name)
    return heard[-1].json() if heard else None


def test_everything_arrives_once_in_order_and_valid(
    mosquitto, subscriber, publish_to, event_of, health, models, validators, until
) -> None:
    publisher = publish_to(mosquitto.url, observations=True)
    publisher.publish_info(models, ["face", "speech"])
    until(lambda: publisher.connected)
    publisher.publish_health(health)
    for emotion in ("happy", "sad", "angry") * 20:
        event = event_of(emotion)
        publisher.publish_event(event)
        publisher.publish_state(event.estimate, 1)
    seen = FaceObservation(3, Box(1, 2, 90, 90), 7.3, 0.9, np.full(7, 1 / 7, np.float32), time.monotonic_ns())
    publisher.publish_observation(seen)
    publisher.publish_state(None, 0)
    subscriber.wait_for(lambda heard: heard.on("face") and len(heard.on("event")) == 60)
    assert publisher.close(5)
    subscriber.wait_for(lambda heard: last(heard, "state")["people"] == 0)

    assert numbers(subscriber) == list(range(1, 61))
    events = [message.json() for message in subscriber.on("event")]
    assert len({event["id"] for event in events}) == 60
    assert all(event["latency_ms"] >= 40 for event in events)
    assert (publisher.events, publisher.queued, publisher.dropped, publisher.refused) == (60, 0, 0, 0)
    assert subscriber.on("health")[0].json()["mqtt"]["protocol"] == "5"
    qos = {"availability": 1, "info": 1, "state": 1, "event": 1, "health": 0, "observation/face": 0}
    for message in subscriber.messages:
        name = message.topic.removeprefix(f"{ROOT}/")
        assert message.qos == qos[name]
        if name != "availability":
            validators[name.replace("/", "-")].validate(message.json())


def test_a_late_subscriber_finds_what_is_retained(
    mosquitto, subscriber, subscribe, publish_to, event_of, health, models
) -> None:
    publisher = publish_to(mosquitto.url)
    publisher.publish_info(models, ["face"])
    publisher.publish_health(health)
    publisher.publish_event(event_of())
    publisher.publish_state(event_of().estimate, 1)
    assert publisher.close(5)
    newcomer = subscribe(mosquitto.url)
    newcomer.wait_for(lambda heard: len(heard.messages) == 4)
    assert {message.topic for message in newcomer.messages} == {
        f"{ROOT}/{name}" for name in ("availability", "info", "state", "health")
    }
    assert all(message.retain for message in newcomer.messages)
    assert newcomer.on("availability")[0].payload == b"offline"
    assert [message.payload for message in subscriber.on("availability")] == [b"online", b"offline"]


def test_a_device_that_dies_is_offline_by_its_will(mosquitto, subscriber) -> None:
    code = (
        "import time; from edge.config import DeviceConfig, MqttConfig; from edge.publish import Publisher\n"
        f"Publisher(MqttConfig(url={mosquitto.url!r}), DeviceConfig(id='kitchen-pi')).start(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as device:
        subscriber.wait_for(lambda heard: [m.payload for m in heard.on("availability")] == [b"online"])
        device.kill()
    subscriber.wait_for(lambda heard: [m.payload for m in heard.on("availability")] == [b"online", b"offline"])


def test_events_wait_for_a_broker_that_is_not_there_yet(
    mosquitto, subscriber, publish_to, event_of, caplog, until
) -> None:
    mosquitto.stop()
    publisher = publish_to(mosquitto.url)
    for _ in range(30):
        publisher.publish_event(event_of())
    until(lambda: caplog.messages)
    time.sleep(2.2)  # longer than an event may wait without being late; meanwhile more attempts fail
    assert publisher.queued == 30
    assert not publisher.connected
    mosquitto.start()
    subscriber.wait_for(lambda heard: len(heard.on("event")) == 30)
    assert numbers(subscriber) == list(range(1, 31))
    event = subscriber.on("event")[0].json()
    assert event["late"]
    assert event["latency_ms"] > 1000
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "connection refused" in warnings[0]
    assert "systemctl" in warnings[0]


def test_a_restart_of_the_broker_loses_nothing(
    mosquitto, subscriber, publish_to, event_of, models, until, caplog
) -> None:
    publisher = publish_to(mosquitto.url)
    publisher.publish_info(models, ["face"])
    until(lambda: publisher.connected)
    for count in range(1, 61):
        publisher.publish_event(event_of())
        if count == 20:
            mosquitto.stop()
            until(lambda: not publisher.connected)
        if count == 40:
            mosquitto.start()
    subscriber.wait_for(lambda heard: 60 in numbers(heard))
    once = list(dict.fromkeys(numbers(subscriber)))  # QoS 1 may deliver twice
    assert once == list(range(1, 61))
    until(lambda: publisher.queued == 0)
    assert publisher.reconnects == 1
    assert publisher.protocol == "5"
    subscriber.wait_for(lambda heard: len(heard.on("info")) >= 2)
    assert any("lost" in message for message in caplog.messages)


def test_state_is_sent_at_most_so_often_and_the_last_one_arrives(
    mosquitto, subscriber, publish_to, event_of, until
) -> None:
    publisher = publish_to(mosquitto.url, state_hz=2.0)
    until(lambda: publisher.connected)
    started_s = time.monotonic()
    for people in range(1, 61):
        publisher.publish_state(event_of().estimate, people)
        time.sleep(0.01)
    subscriber.wait_for(lambda heard: (last(heard, "state") or {}).get("people") == 60)
    took_s = time.monotonic() - started_s
    assert 2 <= len(subscriber.on("state")) <= 2 * took_s + 1


def test_observations_are_off_unless_asked_for(mosquitto, subscriber, publish_to, event_of, until) -> None:
    publisher = publish_to(mosquitto.url)
    until(lambda: publisher.connected)
    seen = FaceObservation(3, Box(1, 2, 90, 90), 7.3, 0.9, np.full(7, 1 / 7, np.float32), 0)
    publisher.publish_observation(seen)
    publisher.publish_event(event_of())
    subscriber.wait_for(lambda heard: heard.on("event"))
    assert {message.topic for message in subscriber.messages} == {f"{ROOT}/availability", f"{ROOT}/event"}


def test_closing_at_once_still_delivers(mosquitto, subscriber, publish_to, event_of) -> None:
    publisher = publish_to(mosquitto.url)
    for _ in range(200):
        publisher.publish_event(event_of())
    assert publisher.close(10)
    subscriber.wait_for(lambda heard: len(heard.on("availability")) == 2)
    assert numbers(subscriber) == list(range(1, 201))


def test_an_event_that_cannot_be_told_leaves_no_gap(mosquitto, subscriber, publish_to, event_of) -> None:
    publisher = publish_to(mosquitto.url)
    publisher.publish_event(event_of())
    broken = event_of()
    object.__setattr__(broken.estimate, "confidence", float("nan"))
    with pytest.raises(ValueError, match="finite"):
        publisher.publish_event(broken)
    publisher.publish_event(event_of())
    assert publisher.close(5)
    subscriber.wait_for(lambda heard: numbers(heard) == [1, 2])


def test_a_publisher_that_never_started_closes(event_of) -> None:
    publisher = Publisher(MqttConfig(), DeviceConfig())
    assert publisher.close(1)
    publisher.publish_event(event_of())
    assert not publisher.close(1)
