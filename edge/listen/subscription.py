"""A connection that listens: the service's own rules for TLS, password and protocol, and a subscription."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.publish.broker import Broker
from edge.publish.connection import Connection

_KEEPALIVE_S = 30
#: So long the broker keeps for us what comes while our connection is down (MQTT 5).
_SESSION_S = 300
#: Far above any payload of ours: a retained `info` with the figures of several models.
_MOST_PACKET_BYTES = 262_144


class Subscription(Connection):
    """Hears all below `topic`; `on_message` is called in `turn` with topic and payload.

    Raises:
        OSError, ValueError: the broker cannot be reached under this address.
    """

    def __init__(
        self, broker: Broker, protocol: str, *, client_id: str, topic: str, on_message: Callable[[str, bytes], None]
    ) -> None:
        super().__init__(
            broker,
            protocol,
            client_id=client_id,
            keepalive_s=_KEEPALIVE_S,
            will=None,
            on_answer=lambda *_: None,
            most_packet_bytes=_MOST_PACKET_BYTES,
            session_s=_SESSION_S,
        )
        self.granted: ReasonCode | None = None
        self._topic = topic
        self._tell = on_message
        # The broker sends no message before CONNACK, which comes in a `turn`: it is early enough to set these now.
        self._client.on_message = self._heard
        self._client.on_subscribe = self._answered_us

    def ask(self) -> None:
        """Ask for the topic; `granted` is the broker's answer, in a later `turn`."""
        self._client.subscribe(self._topic, qos=1)

    def close(self, *, goodbye: bool) -> None:
        """Close the socket; with a goodbye the broker keeps nothing more for us."""
        if goodbye and self.protocol == "5":
            ends = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            ends.SessionExpiryInterval = 0
            self._client.disconnect(properties=ends)
        super().close(goodbye=goodbye and self.protocol != "5")

    def _heard(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._tell(message.topic, bytes(message.payload))

    def _answered_us(
        self, _client: Client, _data: Any, _message_id: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self.granted = reasons[0]
