"""One connection to the broker, from CONNECT to its end, moved by one thread.

paho's own thread is not used: an exception in a callback would end it, and its `publish` may write to the socket
from several threads. Here its network functions are called by the one thread that also publishes.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.errors import PublishError
from edge.publish.broker import Broker

_log = logging.getLogger(__name__)

PROTOCOLS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
#: For the TCP connection, and again for the TLS handshake.
OPEN_S = 4.0
#: Messages on their way without an acknowledgement; MQTT 5 brokers may allow fewer (mosquitto: 20).
_WINDOW = 20
#: A broker that lives and is near enough to be told from one that was stopped accepts within this.
_PROBE_S = 1.0
#: The largest packet that is taken: four times the largest command. An MQTT 5 broker is asked to keep back more.
MOST_PACKET_BYTES = 16_384


class ConnectionEnded(PublishError):
    """The connection is gone. `reason` is the broker's, if it gave one; so is `code`, of MQTT 5, else 0."""

    def __init__(self, reason: str = "", code: int = 0) -> None:
        super().__init__(reason or "connection closed without a reason")
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from the broker. `expiry_s`: what is left of its sender's time limit (MQTT 5), None without one."""

    topic: str
    payload: bytes
    retained: bool
    expiry_s: float | None


class Bell:
    """Wakes the thread that waits in `Connection.turn`; may be rung from any thread."""

    def __init__(self) -> None:
        self._hear, self._rope = socket.socketpair()
        self._hear.setblocking(False)
        self._rope.setblocking(False)

    def fileno(self) -> int:
        return self._hear.fileno()

    def ring(self) -> None:
        with contextlib.suppress(OSError):  # it rings already, or is closed
            self._rope.send(b"!")

    def quieten(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._hear.recv(4096):
                pass

    def close(self) -> None:
        self._hear.close()
        self._rope.close()


class Connection:
    """Opens TCP (and TLS) at once and sends CONNECT; the answer comes in a later `turn`.

    Args:
        session_s: how long the broker keeps what it owes this client after the connection has ended (MQTT 5 only).
        on_answer: called in `turn` for each acknowledged message with its id and the broker's reason code.
        on_message: called in `turn` for each message of a topic that `subscribe` asked for.
        most_packet_bytes: the largest packet that is taken.
        cautious: one message at a time until as many were acknowledged as could have been on their way: a broker that
            hangs up over a message is then heard, for nothing was written to the closed connection meanwhile.

    Raises:
        OSError, ValueError: the broker cannot be reached under this address.
    """

    def __init__(
        self,
        broker: Broker,
        protocol: str,
        *,
        client_id: str,
        keepalive_s: int,
        will: tuple[str, str] | None,
        on_answer: Callable[[int, ReasonCode], None],
        session_s: int = 0,
        on_message: Callable[[Incoming], None] = lambda _message: None,
        most_packet_bytes: int = MOST_PACKET_BYTES,
        cautious: bool = False,
    ) -> None:
        self.protocol = protocol
        self.answer: ReasonCode | None = None
        #: The broker had a session of this client, and goes on with it.
        self.resumed = False
        self._on_answer = on_answer
        self._on_message = on_message
        self._most_packet_bytes = most_packet_bytes
        self._unanswered: set[int] = set()
        self._asked: dict[int, tuple[str, ...]] = {}
        self._window = _WINDOW
        self._alone = _WINDOW if cautious else 0
        self._ended: ConnectionEnded | None = None
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=PROTOCOLS[protocol],
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = OPEN_S
        self._client.username_pw_set(broker.username, broker.password)
        if broker.tls is not None:
            self._client.tls_set_context(broker.tls)
        if will is not None:
            self._client.will_set(will[0], will[1], qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_publish = self._published
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._received
        self._client.on_subscribe = self._subscribed
        options: dict[str, Any] = {}
        if protocol == "5":
            options["properties"] = _properties(PacketTypes.CONNECT)
            options["properties"].MaximumPacketSize = most_packet_bytes
            if session_s:
                options["clean_start"] = False
                options["properties"].SessionExpiryInterval = session_s
        self._client.connect(broker.host, broker.port, keepalive_s, **options)
        network: Any = self._client.socket()
        if network is not None:  # what has arrived and was not read yet is memory too
            network.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * most_packet_bytes)
            self._peer: tuple[str, int] = network.getpeername()[:2]

    @property
    def ready(self) -> bool:
        """May publish: the network takes what it is given, and the broker acknowledges."""
        return len(self._unanswered) < (1 if self._alone else self._window) and not self._client.want_write()

    @property
    def settled(self) -> bool:
        """Everything that was published is written, and acknowledged where that was asked for."""
        return not self._unanswered and not self._client.want_write()

    def broker_lives(self) -> bool:
        """Whether something still listens at the other end: asked right after a connection has ended, it tells a
        broker that closed this one connection from one that was stopped, which closes its port with it."""
        try:
            socket.create_connection(self._peer, _PROBE_S).close()
        except OSError:
            return False
        return True

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool = False,
        expiry_s: int | None = None,
        content_type: str = "",
        attributes: Sequence[tuple[str, str]] = (),
    ) -> int:
        """Hand a message to the network; returns the id that `on_answer` will name if `qos` is 1.

        `expiry_s`: when the broker forgets it; `attributes` are user properties. 3.1.1 can tell none of these.
        """
        properties = None
        if self.protocol == "5" and (expiry_s is not None or content_type or attributes):
            properties = _properties(PacketTypes.PUBLISH)
            if expiry_s is not None:
                properties.MessageExpiryInterval = expiry_s
            if content_type:
                properties.ContentType = content_type
            if attributes:
                properties.UserProperty = list(attributes)
        published = self._client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        if qos:
            self._unanswered.add(published.mid)
        return published.mid

    def subscribe(self, topics: Sequence[str], qos: int = 1) -> None:
        """Ask for the messages of `topics`. A refusal by the broker is one warning."""
        if not topics:
            return
        # Told as it was published: a command that somebody retains is recognised the first time it comes.
        options: Any = SubscribeOptions(qos=qos, retainAsPublished=True) if self.protocol == "5" else qos
        _, message_id = self._client.subscribe([(topic, options) for topic in topics])
        if message_id is not None:
            self._asked[message_id] = tuple(topics)

    def turn(self, wait_s: float, bell: Bell) -> None:
        """Wait until the network or `bell` asks for attention, at most `wait_s`, and move what can be moved.

        Raises:
            ConnectionEnded: the connection is gone.
        """
        network: Any = self._client.socket()
        if network is not None and self._ended is None:
            unread = isinstance(network, ssl.SSLSocket) and network.pending() > 0  # decrypted: select cannot see it
            writing = [network] if self._client.want_write() else []
            readable, writable, _ = select.select([network, bell], writing, [], 0 if unread else max(0.0, wait_s))
            if bell in readable:
                bell.quieten()
            if unread or network in readable:
                self._client.loop_read()
            if writable:
                self._client.loop_write()
            self._client.loop_misc()
            if reason := self._overfed():
                raise ConnectionEnded(reason)
        if self._ended is not None or self._client.socket() is None:
            raise self._ended or ConnectionEnded

    def close(self, *, goodbye: bool) -> None:
        """Close the socket; without a goodbye the broker publishes the will."""
        if goodbye:
            self._client.disconnect()
        if network := self._client.socket():
            network.close()

    def _overfed(self) -> str:
        """What the broker sends that would grow in memory, in words; empty if nothing does.

        paho collects a packet of any announced length, and keeps QoS 2 messages until they are released; it has no
        public limit for either.
        """
        length = self._client._in_packet["remaining_length"]
        if length > self._most_packet_bytes:
            return f"it sends a packet of {length} bytes, more than the {self._most_packet_bytes} that are taken"
        if self._client._in_messages:
            return "it sends QoS 2, which was not asked for"
        return ""

    def _received(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # no topic that was asked for
        expiry_s = getattr(message.properties, "MessageExpiryInterval", None)
        self._on_message(Incoming(topic, bytes(message.payload), bool(message.retain), expiry_s))

    def _subscribed(
        self, _client: Client, _data: Any, message_id: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        for topic, reason in zip(self._asked.pop(message_id, ()), reasons, strict=False):
            if reason.is_failure:
                why = str(reason).lower()
                _log.warning("the broker refuses the subscription to %s: %s. Check its access list", topic, why)

    def _connected(self, _client: Client, _data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self.answer = reason
        self.resumed = flags.session_present
        self._window = min(_WINDOW, getattr(properties, "ReceiveMaximum", _WINDOW))

    def _published(self, _client: Client, _data: Any, message_id: int, reason: ReasonCode, _properties: Any) -> None:
        if message_id in self._unanswered:  # QoS 0 is told here too
            self._unanswered.remove(message_id)
            self._alone = max(0, self._alone - 1)
            self._on_answer(message_id, reason)

    def _disconnected(self, _client: Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Any) -> None:
        told = flags.is_disconnect_packet_from_server
        self._ended = ConnectionEnded(str(reason), reason.value) if told else ConnectionEnded()


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]
