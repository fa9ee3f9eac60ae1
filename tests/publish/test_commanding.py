"""Commands over the wire: both protocols, every connection, and hubs that mean ill."""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config import DeviceConfig, MqttConfig
from edge.publish import Mailbox, Publisher

ROOT = "emotion/kitchen-pi"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def commanded(mailbox):
    """A started publisher that takes commands; keywords are keys of [mqtt]."""
    publishers = []

    def begin(url: str, **keys) -> Publisher:
        publisher = Publisher(MqttConfig(url=url, **keys), DeviceConfig(id="kitchen-pi"), mailbox=mailbox)
        publishers.append(publisher)
        publisher.start()
        return publisher

    yield begin
    for publisher in publishers:
        publisher.close(0.5)


@pytest.fixture
def say(mosquitto):
    """Publishes as a hub that speaks MQTT 5."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()

    def publish(name: str, payload: bytes, **options) -> None:
        client.publish(f"{ROOT}/{name}", payload, qos=1, **options).wait_for_publish(10)

    yield publish
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_commands_arrive_and_answers_leave(mosquitto, subscriber, commanded, mailbox, say, until, protocol) -> None:
    publisher = commanded(mosquitto.url, protocol=protocol)
    until(lambda: publisher.connected)
    until(lambda: f"{ROOT}/command/+ (QoS 1)" in mosquitto.log.read_text())
    say("command/ping", b"{}")
    received = mailbox.take(10)
    assert (received.name, received.payload, received.retained, received.expiry_s) == ("ping", b"{}", False, None)
    publisher.publish_response("ping", {"pong": 1})
    (answer,) = subscriber.wait_for(lambda s: s.on("response/ping"))
    assert (answer.json(), answer.qos, answer.retain) == ({"pong": 1}, 1, False)


def test_time_limits_and_retained_commands_are_recognised(mosquitto, commanded, mailbox, say, until) -> None:
    commanded(mosquitto.url)
    until(lambda: f"{ROOT}/command/+ (QoS 1)" in mosquitto.log.read_text())
    limit = Properties(PacketTypes.PUBLISH)
    limit.MessageExpiryInterval = 30
    say("command/ping", b"{}", properties=limit)
    assert 0 < mailbox.take(10).expiry_s <= 30
    say("command/ping", b"{}", retain=True)
    assert mailbox.take(10).retained


def test_commands_arrive_after_a_restart_of_the_broker(mosquitto, commanded, mailbox, until) -> None:
    publisher = commanded(mosquitto.url)
    until(lambda: f"{ROOT}/command/+ (QoS 1)" in mosquitto.log.read_text())
    mosquitto.stop()
    until(lambda: not publisher.connected)
    mosquitto.start()
    until(lambda: mosquitto.log.read_text().count(f"{ROOT}/command/+ (QoS 1)") == 2)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    client.publish(f"{ROOT}/command/ping", b"", qos=1)
    assert mailbox.take(10).name == "ping"
    client.disconnect()
    client.loop_stop()


def test_an_mqtt_5_broker_keeps_back_what_is_too_large(mosquitto, commanded, mailbox, say, until) -> None:
    publisher = commanded(mosquitto.url)
    until(lambda: f"{ROOT}/command/+ (QoS 1)" in mosquitto.log.read_text())
    say("command/ping", b"x" * 100_000)
    say("command/ping", b"x" * 10_000)
    assert mailbox.take(10).size_bytes == 10_000
    assert (publisher.connected, publisher.reconnects) == (True, 0)


class HostileBroker:
    """Accepts whoever comes with MQTT 3.1.1 and then sends `packets` for as long as it is listened to."""

    def __init__(self, packets) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self.hung_up = threading.Event()
        self._packets = packets
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client:
            client.recv(4096)
            client.sendall(b"\x20\x02\x00\x00")
            try:
                for packet in self._packets():
                    client.sendall(packet)
            except OSError:
                self.hung_up.set()


def endless_packet():
    """A PUBLISH that announces 256 MB."""
    yield b"\x30\xff\xff\xff\x7f"
    while True:
        yield bytes(65_536)


def qos_2_for_ever():
    """PUBLISH after PUBLISH at QoS 2, none of them ever released."""
    topic = f"{ROOT}/command/ping".encode()
    for number in range(1, 65_536):
        body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", number) + bytes(8000)
        yield b"\x34" + bytes([len(body) % 128 | 128, len(body) // 128]) + body
    raise AssertionError("the device took them all")


@pytest.mark.parametrize("packets", [endless_packet, qos_2_for_ever])
def test_a_hostile_broker_does_not_fill_the_memory(commanded, mailbox, packets, caplog) -> None:
    broker = HostileBroker(packets)
    resident = re.compile(r"VmRSS:\s+(\d+) kB")
    before_kb = int(resident.search(Path("/proc/self/status").read_text()).group(1))
    commanded(broker.url, protocol="3.1.1")
    assert broker.hung_up.wait(20)
    grown_kb = int(resident.search(Path("/proc/self/status").read_text()).group(1)) - before_kb
    broker.close()
    assert grown_kb < 16_000
    assert "lost: it sends" in caplog.text
    assert mailbox.take(0) is None


def test_a_topic_that_is_no_text_is_passed_over(commanded, mailbox, until) -> None:
    def packets():
        topic = b"\xff\xfe"
        yield b"\x30" + bytes([2 + len(topic)]) + struct.pack(">H", len(topic)) + topic
        good = f"{ROOT}/command/ping".encode()
        yield b"\x30" + bytes([2 + len(good)]) + struct.pack(">H", len(good)) + good
        time.sleep(5)

    broker = HostileBroker(packets)
    publisher = commanded(broker.url, protocol="3.1.1")
    assert mailbox.take(10).name == "ping"
    assert publisher.connected
    broker.close()


def test_without_a_mailbox_nothing_is_subscribed(mosquitto, publish_to, until) -> None:
    publisher = publish_to(mosquitto.url)
    until(lambda: publisher.connected)
    publisher.publish_response("ping", {})
    assert publisher.close(5)
    assert "command" not in mosquitto.log.read_text()


def test_a_refused_subscription_is_told(commanded, until, caplog) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        client, _ = listener.accept()
        client.recv(4096)
        client.sendall(b"\x20\x02\x00\x00")
        heard = b""
        while (at := heard.find(f"{ROOT}/command/+".encode())) < 0:
            heard += client.recv(4096)
        client.sendall(b"\x90\x03" + heard[at - 4 : at - 2] + b"\x80")  # SUBACK: failure
        client.recv(1)
        time.sleep(5)

    threading.Thread(target=refuse, daemon=True).start()
    commanded(f"mqtt://127.0.0.1:{listener.getsockname()[1]}", protocol="3.1.1")
    until(lambda: f"refuses the subscription to {ROOT}/command/+" in caplog.text)
    listener.close()
