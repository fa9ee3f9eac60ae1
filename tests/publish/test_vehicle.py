"""A vehicle: the overlay by COVESA's own tool, the topics by a real broker."""

from __future__ import annotations

import time

import pytest
import yaml

from edge.config import HomeAssistantConfig, MqttConfig
from edge.publish import payloads
from edge.publish.vehicle import signals
from edge.records import EMOTIONS, UNCERTAIN
from tests.publish.conftest import DEVICE, OVERLAY


def state_of(event_of, emotion: str = "happy", people: int = 1) -> payloads.Body:
    estimate = event_of(emotion).estimate if people else None
    return payloads.state(estimate, people, DEVICE, now_ns=0, offset_ns=0)


def test_the_overlay_has_the_signals_that_are_published(catalogue, event_of) -> None:
    assert set(catalogue) == set(signals(state_of(event_of)))


@pytest.mark.parametrize("emotion", [*EMOTIONS, UNCERTAIN, None])
def test_every_value_is_one_that_the_overlay_allows(catalogue, event_of, emotion) -> None:
    values = signals(state_of(event_of, emotion, people=1) if emotion else state_of(event_of, people=0))
    kinds = {"float": float, "string": str, "uint8": int}
    for path, value in values.items():
        signal = catalogue[path]
        assert isinstance(value, kinds[signal["datatype"]])
        assert value in signal.get("allowed", [value])
        if "min" in signal:
            assert signal["min"] <= value <= signal["max"]


def test_the_overlay_is_plain_yaml_that_knows_every_label() -> None:
    overlay = yaml.safe_load(OVERLAY.read_text(encoding="utf-8"))
    allowed = overlay["Vehicle.Driver.ApparentEmotion.Label"]["allowed"]
    assert allowed == [*(name.upper() for name in (*EMOTIONS, UNCERTAIN)), "NOBODY"]


def test_the_state_is_told_as_topics_on_change(subscriber, drive, event_of, mosquitto, subscribe) -> None:
    publisher = drive()
    root = "vss/Vehicle/Driver/ApparentEmotion"
    publisher.publish_state(event_of("happy").estimate, 2)
    subscriber.wait_for(lambda heard: [m for m in heard.on("PeopleInView") if m.json()["value"] == 2])
    publisher.publish_state(None, 0)
    subscriber.wait_for(lambda heard: [m for m in heard.on("PeopleInView") if m.json()["value"] == 0])
    labels = [message.json()["value"] for message in subscriber.on("Label")]
    assert labels == ["HAPPY", "NOBODY"]
    assert subscriber.on("Label")[0].topic == f"{root}/Label"
    assert subscriber.on("Confidence")[0].json()["value"] == 70.0
    newcomer = subscribe(mosquitto.url)
    label = newcomer.wait_for(lambda heard: heard.on("Label"))[0]
    assert (label.retain, label.json()["value"]) == (True, "NOBODY")


def test_a_new_rate_reaches_the_signals(subscriber, drive, event_of) -> None:
    publisher = drive(state_hz=0.01)
    label = "Vehicle/Driver/ApparentEmotion/Label"
    publisher.publish_state(event_of("happy").estimate, 1)
    subscriber.wait_for(lambda heard: heard.on(label))
    publisher.publish_state(event_of("sad").estimate, 1)
    time.sleep(1)
    assert len(subscriber.on(label)) == 1  # held back, for a minute and a half
    publisher.adopt(MqttConfig(state_hz=10.0), HomeAssistantConfig())
    subscriber.wait_for(lambda heard: [m.json()["value"] for m in heard.on(label)] == ["HAPPY", "SAD"])


def test_it_is_off_by_default(mosquitto, subscriber, publish_to, event_of) -> None:
    publish_to(mosquitto.url).publish_state(event_of().estimate, 1)
    subscriber.wait_for(lambda heard: heard.on("state"))
    assert not [message.topic for message in subscriber.messages if message.topic.startswith("vss")]
