"""What MQTT 5 adds: messages and sessions that expire, and the broker's word that somebody else has our name."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.config import MqttConfig
from edge.publish import advice
from edge.publish.broker import find_broker
from edge.publish.connection import Bell, Connection, ConnectionEnded
from edge.publish.dialer import Dialer
from edge.publish.latest import REFRESH_S, Latest
from tests.publish.network import warnings


@pytest.fixture
def newcomer(mosquitto):
    """Subscribes with MQTT 5 and gives what is retained: topic -> message expiry interval in s, None without one."""

    def hear(seconds: float) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        subscribed = threading.Event()
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.on_connect = lambda client, *_: client.subscribe("#")
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = lambda _client, _data, message: found.update(
            {message.topic.rpartition("/")[2]: getattr(message.properties, "MessageExpiryInterval", None)}
        )
        client.connect(mosquitto.host, mosquitto.port)
        client.loop_start()
        assert subscribed.wait(10)
        time.sleep(seconds)
        client.disconnect()
        client.loop_stop()
        return found

    return hear


def test_state_and_health_of_a_removed_device_expire_but_not_what_it_was(
    mosquitto, publish_to, event_of, health, models, newcomer, until
) -> None:
    publisher = publish_to(mosquitto.url, state_expiry_s=1800)
    publisher.publish_info(models, ["face"])
    publisher.publish_health(health)
    publisher.publish_state(event_of().estimate, 1)
    until(lambda: publisher.connected)
    assert publisher.close(5)
    found = newcomer(0.5)
    assert found["availability"] is None
    assert found["info"] is None
    assert 1700 < (found["state"] or 0) <= 1800
    assert 1700 < (found["health"] or 0) <= 1800


def opened(mosquitto, **keys) -> Connection:
    """On its way: the broker has not answered yet."""
    return Connection(
        find_broker(MqttConfig(url=mosquitto.url)),
        "5",
        client_id="emotion-edge-kitchen-pi",
        keepalive_s=30,
        will=None,
        on_answer=lambda *_: None,
        **keys,
    )


def connect(mosquitto, bell: Bell, **keys) -> Connection:
    connection = opened(mosquitto, **keys)
    while connection.answer is None:
        connection.turn(1.0, bell)
    return connection


@pytest.fixture
def bell():
    bell = Bell()
    yield bell
    bell.close()


def test_the_broker_forgets_an_expired_message(mosquitto, bell, newcomer) -> None:
    connection = connect(mosquitto, bell)
    connection.publish("emotion/kitchen-pi/state", b"{}", qos=1, retain=True, expiry_s=1)
    connection.publish("emotion/kitchen-pi/info", b"{}", qos=1, retain=True)
    while not connection.settled:
        connection.turn(1.0, bell)
    time.sleep(2.5)
    assert newcomer(0.5) == {"info": None}
    connection.close(goodbye=True)


def test_a_session_outlives_the_connection_only_where_that_is_asked_for(mosquitto, bell, until) -> None:
    properties = Properties(PacketTypes.CONNECT)
    for session_s, kept in ((0, False), (60, True)):
        connect(mosquitto, bell, session_s=session_s).close(goodbye=True)
        flags = []
        probe = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="emotion-edge-kitchen-pi", protocol=paho.MQTTv5)
        probe.on_connect = lambda _client, _data, found, *_, flags=flags: flags.append(found)
        probe.connect(mosquitto.host, mosquitto.port, clean_start=False, properties=properties)
        probe.loop_start()
        until(lambda flags=flags: flags)
        probe.disconnect()
        probe.loop_stop()
        assert flags[0].session_present is kept


def test_an_unchanged_state_is_told_again_before_it_expires() -> None:
    latest = Latest()
    latest.put({"people": 0})
    assert latest.take(0)
    assert latest.wait_s(int(REFRESH_S * 1e9) - 1) is None
    assert latest.take(int(REFRESH_S * 1e9)) == {"people": 0}
    assert MqttConfig().state_expiry_s >= 3 * REFRESH_S


def test_two_devices_of_one_name_are_told_once_and_do_not_fight(mosquitto, publish_to, until, caplog) -> None:
    publishers = [publish_to(mosquitto.url) for _ in range(2)]
    twin = "Give each device its own [device] id"
    until(lambda: any(twin in text for text in warnings(caplog)), timeout_s=60)
    connections = mosquitto.log.read_text().count("New client connected")
    time.sleep(15)  # in the first 15 seconds they swapped about six times
    assert mosquitto.log.read_text().count("New client connected") <= connections + 1
    assert sum(twin in text for text in warnings(caplog)) <= len(publishers)


@pytest.fixture
def expelling_url():
    """A broker that accepts each connection and at once says: session taken over (MQTT 5.0, 3.14.2.1)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    client.recv(4096)
                    client.sendall(bytes.fromhex("2003000000e0028e00"))
                    client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"mqtt://127.0.0.1:{listener.getsockname()[1]}"
        done.set()
        thread.join()


def test_where_the_broker_says_so_once_is_enough(expelling_url, publish_to, until, caplog) -> None:
    publisher = publish_to(expelling_url, protocol="5")
    until(lambda: any("another client took over the client id emotion-edge-kitchen-pi" in w for w in warnings(caplog)))
    assert any("lost: Session taken over" in text for text in warnings(caplog))
    time.sleep(3)
    assert publisher.reconnects == 0  # the next attempt is half a minute away


def end_of(connection: Connection, bell: Bell) -> ConnectionEnded:
    while True:
        try:
            connection.turn(1.0, bell)
        except ConnectionEnded as end:
            return end


@pytest.fixture
def dialer(mosquitto, bell) -> Dialer:
    """Whose connections are real ones to `mosquitto`."""
    return Dialer(
        find_broker(MqttConfig(url=mosquitto.url)),
        "5",
        "emotion-edge-kitchen-pi",
        lambda _protocol: opened(mosquitto),
    )


def test_without_a_reason_quick_ends_in_a_row_are_taken_for_a_twin(dialer, bell, caplog) -> None:
    """As MQTT 3.1.1 brokers close the older connection."""
    for expected in (0, 0, 0, 1):
        dialer.ended(ConnectionEnded(), dialer.dial(bell, lambda: 10.0))
        assert len(warnings(caplog)) == expected
    assert "as if another client had the client id" in warnings(caplog)[0]
    assert dialer.pause_s() >= 30


def test_a_broker_that_restarts_again_and_again_is_no_twin(mosquitto, dialer, bell, caplog) -> None:
    for _ in range(6):
        connection = dialer.dial(bell, lambda: 10.0)
        mosquitto.kill()
        dialer.ended(end_of(connection, bell), connection)
        mosquitto.start()
        assert dialer.pause_s() <= 8
    assert warnings(caplog) == []


def test_an_end_with_a_message_unanswered_is_no_twin_but_calls_for_caution(mosquitto, dialer, bell, caplog) -> None:
    for _ in range(6):
        connection = dialer.dial(bell, lambda: 10.0)
        connection.publish("emotion/kitchen-pi/event", b"{}", qos=1)
        dialer.ended(ConnectionEnded(), connection)
        assert dialer.cautious
        assert dialer.pause_s() <= 8
    assert warnings(caplog) == []
    dialer.ended(ConnectionEnded(), dialer.dial(bell, lambda: 10.0))
    assert not dialer.cautious


def test_a_cautious_connection_sends_one_message_at_a_time_until_twenty_were_acknowledged(mosquitto, bell) -> None:
    connection = connect(mosquitto, bell, cautious=True)
    for _ in range(20):
        connection.publish("emotion/kitchen-pi/event", b"{}", qos=1)
        assert not connection.ready
        while not connection.settled:
            connection.turn(1.0, bell)
        assert connection.ready
    connection.publish("emotion/kitchen-pi/event", b"{}", qos=1)
    assert connection.ready
    connection.close(goodbye=True)


def test_a_broker_that_says_another_reason_is_no_twin(dialer, bell, caplog) -> None:
    for _ in range(10):
        dialer.ended(ConnectionEnded("Server shutting down", 139), dialer.dial(bell, lambda: 10.0))
    assert warnings(caplog) == []
    assert dialer.pause_s() <= 1.0
    assert advice.SESSION_TAKEN_OVER == 142
