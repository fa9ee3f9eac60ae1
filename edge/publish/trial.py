"""One connection to the broker, to see whether it can be had; nothing is published, no running device is disturbed."""

from __future__ import annotations

import time

from edge.config import MqttConfig
from edge.publish.broker import find_broker
from edge.publish.connection import Bell, Connection
from edge.publish.dialer import Dialer

_PATIENCE_S = 12.0
_KEEPALIVE_S = 30


def try_broker(mqtt: MqttConfig, client_id: str) -> tuple[str, float]:
    """Connect, say goodbye; the MQTT version spoken, and the milliseconds that took.

    `client_id` must be no device's: the broker would end that one's connection.

    Raises:
        ConfigError, PublishError: why not, and what to do.
    """
    broker = find_broker(mqtt)

    def connect(protocol: str) -> Connection:
        return Connection(
            broker, protocol, client_id=client_id, keepalive_s=_KEEPALIVE_S, will=None, on_answer=lambda *_: None
        )

    bell = Bell()
    begin = time.monotonic()
    try:
        connection = Dialer(broker, mqtt.protocol, client_id, connect).dial(
            bell, lambda: begin + _PATIENCE_S - time.monotonic()
        )
        connection.close(goodbye=True)
    finally:
        bell.close()
    return connection.protocol, (time.monotonic() - begin) * 1000
