"""The publisher's connection to a real mosquitto: it comes, goes, returns, and ends with a goodbye or by the will."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.publish.sequences import numbers


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


def test_closing_at_once_still_delivers(mosquitto, subscriber, publish_to, event_of) -> None:
    publisher = publish_to(mosquitto.url)
    for _ in range(200):
        publisher.publish_event(event_of())
    assert publisher.close(10)
    subscriber.wait_for(lambda heard: len(heard.on("availability")) == 2)
    assert numbers(subscriber) == list(range(1, 201))
