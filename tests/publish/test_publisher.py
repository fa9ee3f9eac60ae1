"""The publisher against a real mosquitto: what subscribers hear, in which order, and what outlives the device."""

from __future__ import annotations

import time

import numpy as np
import pytest

from edge.config import DeviceConfig, MqttConfig
from edge.publish import Publisher
from edge.records import Box, FaceObservation
from tests.publish.sequences import numbers

ROOT = "emotion/kitchen-pi"


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
