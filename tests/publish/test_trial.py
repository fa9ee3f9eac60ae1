from __future__ import annotations

import socket

import pytest

from edge.config import MqttConfig
from edge.errors import PublishError
from edge.publish.trial import try_broker


@pytest.mark.parametrize(("protocol", "spoken"), [("auto", "5"), ("3.1.1", "3.1.1")])
def test_a_broker_that_can_be_had_is_left_again_and_nothing_was_said(
    mosquitto, subscriber, until, protocol, spoken
) -> None:
    found, took_ms = try_broker(MqttConfig(url=mosquitto.url, protocol=protocol), "emotion-doctor-1")
    assert found == spoken
    assert took_ms > 0
    until(lambda: "Client emotion-doctor-1 disconnected" in mosquitto.log.read_text().replace("[", " "))
    assert subscriber.messages == []  # no will either


def test_why_it_cannot_be_had_is_raised() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, not listening
        url = f"mqtt://127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(PublishError, match="connection refused: expected a broker on this port"):
            try_broker(MqttConfig(url=url), "emotion-doctor-1")
