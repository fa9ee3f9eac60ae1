"""Brokers that are old, silent, strict or absent: which protocol is spoken, how soon it is tried again, and one clear
warning for each reason."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time

import pytest

from edge.config import MqttConfig
from edge.publish.broker import find_broker
from edge.publish.dialer import Dialer, NotConnected
from tests.publish.network import failed_handshake, warnings

AMQTT = """
import asyncio, sys
from amqtt.broker import Broker

async def serve():
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{sys.argv[1]}"}}
    await Broker({"listeners": listeners, "plugins": plugins}).start()
    await asyncio.sleep(60)

asyncio.run(serve())
"""


@pytest.fixture
def mute_port():
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def speaks_5(connect: bytes) -> bool:
    """The protocol level in CONNECT is the byte after the name (MQTT 5.0, 3.1.2.2)."""
    return connect[connect.index(b"MQTT") + 4] == 5


@pytest.fixture
def amqtt_url():
    """A broker that speaks only MQTT 3.1.1; to MQTT 5 with a will it does not even answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", AMQTT, str(port)], stderr=subprocess.DEVNULL) as broker:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield f"mqtt://127.0.0.1:{port}"
        broker.kill()


def test_an_old_broker_is_spoken_to_in_its_own_version(amqtt_url, subscribe, publish_to, event_of, until) -> None:
    subscriber = subscribe(amqtt_url)
    publisher = publish_to(amqtt_url)
    for _ in range(5):
        publisher.publish_event(event_of())
    until(lambda: publisher.connected)
    assert publisher.protocol == "3.1.1"
    assert publisher.close(5)
    subscriber.wait_for(lambda heard: len(heard.on("event")) == 5 and len(heard.on("availability")) == 2)


@pytest.mark.parametrize("answer", [b"", bytes.fromhex("20020001"), bytes.fromhex("2003008400")])
def test_a_broker_that_refuses_mqtt_5_gets_3_1_1(gate, subscriber, publish_to, event_of, answer) -> None:
    """It just closes, or says unacceptable protocol version as in 3.1.1, or as in 5."""
    door = gate(lambda connect: answer if speaks_5(connect) else None)
    publisher = publish_to(door.url)
    publisher.publish_event(event_of())
    subscriber.wait_for(lambda heard: heard.on("event"))
    assert publisher.protocol == "3.1.1"


def test_silence_once_mqtt_5_was_spoken_is_no_reason_to_fall_back(
    gate, subscriber, mosquitto, publish_to, event_of, until
) -> None:
    """As a broker does that is being restarted: the port is open, but connections are closed at once."""
    heard_levels = []

    def answer(connect: bytes) -> bytes | None:
        heard_levels.append(speaks_5(connect))
        return b"" if 1 < len(heard_levels) < 4 else None

    publisher = publish_to(gate(answer).url)
    until(lambda: publisher.connected)
    mosquitto.kill()
    until(lambda: not publisher.connected)
    mosquitto.start()
    publisher.publish_event(event_of())
    until(lambda: publisher.connected and publisher.queued == 0, timeout_s=30)
    assert publisher.protocol == "5"
    assert all(heard_levels)
    assert len(heard_levels) >= 4


def test_a_mute_broker_is_told_once_and_does_not_hold_up_the_end(
    mute_port, publish_to, event_of, caplog, until
) -> None:
    publisher = publish_to(f"mqtt://127.0.0.1:{mute_port}", protocol="5")
    publisher.publish_event(event_of())
    until(lambda: any("no MQTT answer" in message for message in warnings(caplog)))
    started_s = time.monotonic()
    assert not publisher.close(1.0)
    assert time.monotonic() - started_s < 2.0
    assert publisher.queued == 1
    assert len(warnings(caplog)) == 2
    assert "1 events were not acknowledged" in warnings(caplog)[1]


def test_without_a_broker_the_end_is_immediate(publish_to, unused_port, caplog, until) -> None:
    publisher = publish_to(f"mqtt://127.0.0.1:{unused_port}")
    until(lambda: warnings(caplog))
    time.sleep(3)  # a few more attempts
    started_s = time.monotonic()
    assert publisher.close(30)
    assert time.monotonic() - started_s < 10
    assert len(warnings(caplog)) == 1


@pytest.fixture
def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, not listening: refused
        yield probe.getsockname()[1]


def test_an_unknown_host_is_told(publish_to, caplog, until) -> None:
    publish_to("mqtt://broker.invalid")
    until(lambda: any("host name is not known" in message for message in warnings(caplog)))


@pytest.mark.skipif(not shutil.which("mosquitto_passwd"), reason="mosquitto_passwd is not installed")
def test_a_wrong_password_is_told_and_not_shown(
    start_mosquitto, publish_to, tmp_path, monkeypatch, caplog, until
) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "pi", "right"], check=True)
    broker = start_mosquitto(f"allow_anonymous false\npassword_file {passwords}")
    caplog.set_level("DEBUG")
    monkeypatch.setenv("EMOTION_EDGE_MQTT_PASSWORD", "wr0ng-s3cret")
    for protocol in ("5", "3.1.1"):
        caplog.clear()
        publisher = publish_to(broker.url, username="pi", protocol=protocol)
        until(lambda: warnings(caplog))
        assert "not authorized (code 135)" in warnings(caplog)[0]
        assert "[mqtt] username" in warnings(caplog)[0]
        assert "wr0ng-s3cret" not in caplog.text
        assert publisher.close(5)
    monkeypatch.setenv("EMOTION_EDGE_MQTT_PASSWORD", "right")
    publisher = publish_to(broker.url, username="pi")
    until(lambda: publisher.connected)


class Unwilling:
    """Stands for each connection: it cannot be had, for the reason that it was made with."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, protocol: str):
        raise self.error


@pytest.mark.parametrize(("error", "longest_s"), [(ConnectionRefusedError(), 8), (failed_handshake(), 60)])
def test_pauses_grow_and_differ_and_a_broker_that_is_away_is_found_within_10_s(error, longest_s) -> None:
    broker = find_broker(MqttConfig())
    all_pauses = []
    for _ in range(20):
        dialer = Dialer(broker, "auto", "x", Unwilling(error))
        pauses = []
        for _ in range(10):
            with pytest.raises(NotConnected):
                dialer.dial(bell=None, patience_s=lambda: 1.0)
            pauses.append(dialer.pause_s())
        assert 0.5 <= pauses[0] <= 1.0
        assert longest_s / 2 <= pauses[-1] <= longest_s
        all_pauses.append(tuple(pauses))
    assert len(set(all_pauses)) == len(all_pauses)
