"""A subscription to a real broker: its answer, what is heard, and what the broker keeps while it is away."""

from __future__ import annotations

import socket
import threading

import pytest

from edge.config import MqttConfig
from edge.listen.subscription import Subscription
from edge.publish.broker import find_broker
from edge.publish.connection import Bell


@pytest.fixture
def bell():
    bell = Bell()
    yield bell
    bell.close()


@pytest.fixture
def subscription(bell):
    """Asks for `topic`, and waits for the broker's answer; what it hears goes to `heard`."""
    running = []

    def begin(url: str, topic: str, heard: list, protocol: str = "5", client_id: str = "listen-1") -> Subscription:
        ours = Subscription(
            find_broker(MqttConfig(url=url)),
            protocol,
            client_id=client_id,
            topic=topic,
            on_message=lambda *message: heard.append(message),
        )
        running.append(ours)
        while ours.answer is None:
            ours.turn(1.0, bell)
        assert ours.granted is None
        ours.ask()
        while ours.granted is None:
            ours.turn(1.0, bell)
        return ours

    yield begin
    for each in running:
        each.close(goodbye=False)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_is_asked_for_is_heard_and_nothing_else(mosquitto, teller, subscription, bell, protocol) -> None:
    teller("emotion/kitchen-pi/info", b"{}", retain=True)
    heard = []
    ours = subscription(mosquitto.url, "emotion/kitchen-pi/#", heard, protocol)
    assert not ours.granted.is_failure
    teller("emotion/cellar-pi/state", b"1")
    teller("emotion/kitchen-pi/state", b"x" * 100_000)  # larger than a command may be
    while len(heard) < 2:
        ours.turn(1.0, bell)
    assert heard == [("emotion/kitchen-pi/info", b"{}"), ("emotion/kitchen-pi/state", b"x" * 100_000)]


def test_the_brokers_no_is_its_answer(subscription) -> None:
    def refuse() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(b"\x20\x02\x00\x00")  # CONNACK: come in
            asked = client.recv(4096)
            client.sendall(b"\x90\x03" + asked[2:4] + b"\x80")  # SUBACK with the id that was asked under: failure
            client.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse, daemon=True).start()
        url = f"mqtt://127.0.0.1:{listener.getsockname()[1]}"
        ours = subscription(url, "emotion/#", [], "3.1.1")
        assert ours.granted.is_failure
        assert ours.granted.value == 0x80


def test_what_comes_while_the_connection_is_down_is_kept_but_not_after_a_goodbye(
    mosquitto, teller, subscription, bell
) -> None:
    for goodbye, kept in ((False, True), (True, False)):
        heard: list = []
        ours = subscription(mosquitto.url, "emotion/#", heard, client_id=f"listen-{goodbye}")
        ours.close(goodbye=goodbye)
        teller("emotion/kitchen-pi/event", b"meanwhile")
        again = subscription(mosquitto.url, "emotion/#", heard, client_id=f"listen-{goodbye}")
        assert again.resumed is kept
        teller("emotion/kitchen-pi/event", b"now")
        while not heard or heard[-1][1] != b"now":
            again.turn(1.0, bell)
        assert (b"meanwhile" in [payload for _, payload in heard]) is kept
