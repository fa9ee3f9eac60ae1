"""Brokers that are old, silent, strict, encrypted or absent: events arrive if they can, else one clear warning says
why not; never an exception, never a hang."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from edge.config import MqttConfig
from edge.publish.broker import find_broker
from edge.publish.dialer import Dialer, NotConnected

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


class Gate:
    """A door in front of a broker: `answer` gets the first bytes of a connection (CONNECT) and says what is sent back
    before it is closed; None lets the connection through."""

    def __init__(self, broker_port: int, answer) -> None:
        self._broker_port, self._answer = broker_port, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        first = client.recv(4096)
        if not first:  # only looked whether somebody listens
            client.close()
            return
        answer = self._answer(first)
        if answer is not None:
            client.sendall(answer)
            client.close()
            return
        try:
            broker = socket.create_connection(("127.0.0.1", self._broker_port))
        except OSError:
            client.close()
            return
        self._open.append(broker)
        broker.sendall(first)
        threading.Thread(target=self._pump, args=(broker, client), daemon=True).start()
        self._pump(client, broker)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):  # reset by either side: an end like any other
            while data := source.recv(4096):
                sink.sendall(data)
        with contextlib.suppress(OSError):  # the other direction has ended first
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gate(mosquitto):
    gates = []

    def build(answer) -> Gate:
        gates.append(Gate(mosquitto.port, answer))
        return gates[-1]

    yield build
    for one in gates:
        one.close()


@pytest.fixture
def mute_port():
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


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


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\xff\xff", b"\x20\x00"])
def test_nonsense_from_the_network_does_not_end_the_publisher(gate, subscriber, publish_to, event_of, garbage) -> None:
    calls = []

    def answer(connect: bytes) -> bytes | None:
        calls.append(connect)
        return garbage if len(calls) <= 2 else None

    publisher = publish_to(gate(answer).url)
    publisher.publish_event(event_of())
    subscriber.wait_for(lambda heard: heard.on("event"))
    assert publisher.close(5)


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


def test_what_the_access_list_forbids_is_counted_and_not_sent_for_ever(
    start_mosquitto, publish_to, event_of, tmp_path, caplog, until
) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic readwrite emotion/kitchen-pi/availability\n")
    broker = start_mosquitto(f"allow_anonymous true\nacl_file {rules}")
    publisher = publish_to(broker.url)
    for _ in range(2):
        publisher.publish_event(event_of())
    until(lambda: publisher.refused == 2)  # mosquitto 2.0.11 hangs up after each refusal
    assert publisher.queued == 0
    refusals = [message for message in warnings(caplog) if "not authorized (code 135)" in message]
    assert len(refusals) == 1
    assert "access list" in refusals[0]


def test_tls_with_our_own_authority_and_only_with_it(
    start_mosquitto, publish_to, event_of, certificates, caplog, until
) -> None:
    broker = start_mosquitto(
        f"allow_anonymous true\ncertfile {certificates}/server.pem\nkeyfile {certificates}/server.key"
    )
    ca_file = str(certificates / "ca.pem")
    publisher = publish_to(f"mqtts://localhost:{broker.port}", ca_file=ca_file)
    for _ in range(100):
        publisher.publish_event(event_of())
    until(lambda: publisher.events == 100 and publisher.queued == 0)
    assert publisher.close(5)
    caplog.clear()
    publish_to(f"mqtts://127.0.0.1:{broker.port}", ca_file=ca_file)
    until(lambda: any("is not accepted: IP address mismatch" in message for message in warnings(caplog)))
    publish_to(f"mqtts://localhost:{broker.port}")
    until(lambda: any("[mqtt] ca_file" in message for message in warnings(caplog)[1:]))
    publish_to(f"mqtt://localhost:{broker.port}")
    until(lambda: any("write mqtts://" in message for message in warnings(caplog)))


def test_tls_to_a_port_that_is_not_encrypted_is_told(mosquitto, publish_to, caplog, until) -> None:
    publish_to(f"mqtts://localhost:{mosquitto.port}")
    until(lambda: any("write mqtt://" in message for message in warnings(caplog)))


def failed_handshake() -> ssl.SSLError:
    """What a client gets from a port that does not speak TLS."""
    incoming = ssl.MemoryBIO()
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    client = ssl.create_default_context().wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="hub")
    with pytest.raises(ssl.SSLError) as failure:
        client.do_handshake()
    return failure.value


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
