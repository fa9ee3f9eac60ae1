"""The mosquitto files of docs/broker/, each started for real: only paths, ports and host names are replaced."""

from __future__ import annotations

import getpass
import subprocess
import threading
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from edge.config import DeviceConfig, MqttConfig
from edge.publish import Publisher
from tests.conftest import Mosquitto

EXAMPLES = Path(__file__).parents[2] / "docs" / "broker"


class Example(Mosquitto):
    """A broker that runs the file `name`, after `replaced`: text -> text, each of which must occur."""

    def __init__(self, program: str, folder: Path, name: str, replaced: dict[str, str]) -> None:
        super().__init__(program, folder)
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        replaced = {key: value.replace("PORT", str(self.port)) for key, value in replaced.items()}
        for old, new in replaced.items():
            assert old in text, old
            text = text.replace(old, new)
        self._text = f"user {getpass.getuser()}\n{text}"

    def configuration(self) -> str:
        return self._text


class Hub:
    """A consumer with TLS and a password, that hears and says."""

    def __init__(self, port: int, ca: Path, username: str, password: str, topic: str = "emotion/#") -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.codes: list[int] = []
        self._subscribed = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.tls_set(str(ca))
        self.client.username_pw_set(username, password)
        self.client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _c, _d, message: self.heard.append((message.topic, message.payload))
        self.client.on_publish = lambda _c, _d, _mid, reason, _p: self.codes.append(reason.value)
        self.client.connect("localhost", port)
        self.client.loop_start()
        assert self._subscribed.wait(15)

    def names(self) -> list[str]:
        return [topic for topic, _ in self.heard]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def house(mosquitto_program, certificates, tmp_path):
    """home.conf with its access list and the users hub, kitchen-pi and van-7 (password: their name)."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    for user in ("hub", "kitchen-pi", "van-7"):
        subprocess.run(["mosquitto_passwd", "-b", passwords, user, user], check=True)
    broker = Example(
        mosquitto_program,
        tmp_path / "house",
        "home.conf",
        {
            "listener 8883": "listener PORT 127.0.0.1",
            "/etc/mosquitto/passwords": str(passwords),
            "acl_file /etc/mosquitto/access": f"acl_file {EXAMPLES / 'access'}",
            "/etc/mosquitto/certs/server": str(certificates / "address"),
        },
    )
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def hub(house, certificates):
    client = Hub(house.port, certificates / "ca.pem", "hub", "hub")
    yield client
    client.close()


def test_a_device_of_the_house_is_heard_by_the_hub(
    house, hub, certificates, publish_to, event_of, until, monkeypatch
) -> None:
    monkeypatch.setenv("EMOTION_EDGE_MQTT_PASSWORD", "kitchen-pi")
    url, ca_file = f"mqtts://localhost:{house.port}", str(certificates / "ca.pem")
    publisher = publish_to(url, ca_file=ca_file, username="kitchen-pi")
    publisher.publish_event(event_of())
    until(lambda: "emotion/kitchen-pi/event" in hub.names())
    assert publisher.close(5)
    assert publisher.refused == 0
    until(lambda: ("emotion/kitchen-pi/availability", b"offline") in hub.heard)


def test_a_device_of_the_house_cannot_speak_for_another_nor_hear_it(
    house, hub, certificates, publish_to, event_of, until, monkeypatch
) -> None:
    monkeypatch.setenv("EMOTION_EDGE_MQTT_PASSWORD", "van-7")
    url, ca_file = f"mqtts://localhost:{house.port}", str(certificates / "ca.pem")
    impostor = publish_to(url, ca_file=ca_file, username="van-7")  # but its [device] id is kitchen-pi
    impostor.publish_event(event_of())
    until(lambda: impostor.refused == 1)
    spy = Hub(house.port, certificates / "ca.pem", "van-7", "van-7")
    hub.client.publish("emotion/kitchen-pi/command/ping", b"{}", qos=1)
    hub.client.publish("emotion/van-7/command/ping", b"{}", qos=1)
    until(lambda: spy.heard)
    assert spy.names() == ["emotion/van-7/command/ping"]
    hub.client.publish("emotion/kitchen-pi/event", b"{}", qos=1)
    until(lambda: len(hub.codes) == 3)
    assert hub.codes == [0, 0, 135]
    spy.close()


def test_consumers_of_the_house_may_share_a_subscription(house, hub, certificates, until) -> None:
    workers = [Hub(house.port, certificates / "ca.pem", "hub", "hub", "$share/workers/emotion/+/event") for _ in "ab"]
    device = Hub(house.port, certificates / "ca.pem", "van-7", "van-7", "emotion/van-7/command/+")
    for number in range(20):
        device.client.publish("emotion/van-7/event", str(number), qos=1)
    until(lambda: sum(len(worker.heard) for worker in workers) == 20)
    assert all(worker.heard for worker in workers)
    for client in (*workers, device):
        client.close()


def test_nobody_enters_the_house_without_a_password(house, certificates, publish_to, caplog, until) -> None:
    publish_to(f"mqtts://localhost:{house.port}", ca_file=str(certificates / "ca.pem"))
    until(lambda: any("not authorized (code 135)" in message for message in caplog.messages))


@pytest.fixture
def bridge(house, certificates, mosquitto_program, tmp_path):
    """device-bridge.conf, with the house as its far hub."""
    broker = Example(
        mosquitto_program,
        tmp_path / "bridge",
        "device-bridge.conf",
        {
            "listener 1883": "listener PORT",
            "/var/lib/mosquitto/": f"{tmp_path}/bridge/",
            # Not localhost, which may mean ::1 first: the test's broker listens on 127.0.0.1 alone.
            "hub.example:8883": f"127.0.0.1:{house.port}",
            "/etc/mosquitto/certs": str(certificates),
            "remote_password change-me": "remote_password van-7",
        },
    )
    broker.start()
    yield broker
    broker.kill()


def test_events_cross_the_bridge_and_wait_in_it_while_the_hub_is_away(
    house, hub, bridge, certificates, subscribe, event_of, until
) -> None:
    local = subscribe(bridge.url)
    local.wait_for(lambda heard: [m for m in heard.messages if m.topic.startswith("bridge/") and m.payload == b"1"])
    publisher = Publisher(MqttConfig(url=bridge.url), DeviceConfig(id="van-7"))
    publisher.start()
    publisher.publish_event(event_of())
    until(lambda: "emotion/van-7/event" in hub.names())
    hub.client.publish("emotion/van-7/command/ping", b"{}", qos=1)
    local.wait_for(lambda heard: heard.on("command/ping"))
    hub.close()
    house.stop()
    for _ in range(20):
        publisher.publish_event(event_of())
    until(lambda: publisher.events == 21 and publisher.queued == 0)  # the bridge has them
    house.start()
    later = Hub(house.port, certificates / "ca.pem", "hub", "hub")
    until(lambda: later.names().count("emotion/van-7/event") == 20, timeout_s=90)
    assert publisher.close(5)
    later.close()
