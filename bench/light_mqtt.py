"""As much of MQTT 5 as a thousand simulated devices in one process need: CONNECT with a will, PUBLISH, PUBACK, and
SUBSCRIBE for the consumer, over asyncio. Not a client for anything else: it trusts the broker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

#: Messages without an acknowledgement, as in edge/publish/connection.py.
WINDOW = 20
_CONNACK, _PUBLISH, _PUBACK, _SUBACK = 2, 3, 4, 9


class Client(asyncio.Protocol):
    """One connection. `on_publish` gets topic and payload of each message that a subscription brings."""

    def __init__(
        self, client_id: str, will: str = "", on_publish: Callable[[str, bytes], None] = lambda *_: None
    ) -> None:
        self._client_id, self._will, self._on_publish = client_id, will, on_publish
        self._buffer = bytearray()
        self._waiting: deque[bytes] = deque()
        self._unanswered = 0
        self._next_id = 0
        self._subscribed = asyncio.get_running_loop().create_future()
        self.connected = asyncio.get_running_loop().create_future()
        self.acknowledged = self.refused = 0

    @property
    def settled(self) -> bool:
        return not (self._unanswered or self._waiting)

    async def subscribe(self, topic: str) -> None:
        self._subscribed = asyncio.get_running_loop().create_future()
        self._transport.write(_packet(0x82, b"\x00\x01\x00" + _text(topic) + b"\x01"))
        await self._subscribed

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False, expiry_s: int = 0) -> None:
        """Send, or keep until the broker has answered enough of what was sent before."""
        properties = b"\x05\x02" + expiry_s.to_bytes(4, "big") if expiry_s else b"\x00"
        if not qos:
            self._transport.write(_packet(0x30 | retain, _text(topic) + properties + payload))
            return
        self._next_id = self._next_id % 65_535 + 1
        body = _text(topic) + self._next_id.to_bytes(2, "big") + properties + payload
        self._waiting.append(_packet(0x32 | retain, body))
        self._send()

    def close(self) -> None:
        self._transport.write(b"\xe0\x00")
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        will = b"\x00" + _text(self._will) + _text("offline") if self._will else b""
        flags = 0x02 | (0x2C if will else 0)  # clean start; will, QoS 1, retained
        head = _text("MQTT") + bytes([5, flags]) + (60).to_bytes(2, "big") + b"\x00"
        transport.write(_packet(0x10, head + _text(self._client_id) + will))

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.connected, self._subscribed):
            if not future.done():
                future.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := _end(self._buffer)) is not None:
            start, stop = end
            self._take(self._buffer[0], bytes(self._buffer[start:stop]))
            del self._buffer[:stop]

    def _take(self, head: int, body: bytes) -> None:
        kind = head >> 4
        if kind == _PUBACK:
            self._unanswered -= 1
            # 0x10, no matching subscribers, is success too
            failed = len(body) > 2 and body[2] >= 0x80
            self.refused += failed
            self.acknowledged += not failed
            self._send()
        elif kind == _PUBLISH:
            self._receive(head, body)
        elif kind == _CONNACK and not self.connected.done():
            self.connected.set_result(None)
        elif kind == _SUBACK:
            self._subscribed.set_result(None)

    def _receive(self, head: int, body: bytes) -> None:
        length = int.from_bytes(body[:2], "big")
        topic, at = body[2 : 2 + length].decode(), 2 + length
        if head & 0x06:
            self._transport.write(b"\x40\x02" + body[at : at + 2])
            at += 2
        self._on_publish(topic, body[at + 1 + body[at] :])  # properties shorter than 128 bytes: one byte of length

    def _send(self) -> None:
        while self._waiting and self._unanswered < WINDOW:
            self._unanswered += 1
            self._transport.write(self._waiting.popleft())


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _packet(head: int, body: bytes) -> bytes:
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = rest >> 7, rest & 0x7F
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes([head]) + bytes(length) + body


def _end(buffer: bytearray) -> tuple[int, int] | None:
    """Where the body of the first packet begins and ends; None if it is not whole."""
    length = shift = 0
    for index in range(1, min(len(buffer), 5)):
        length |= (buffer[index] & 0x7F) << shift
        shift += 7
        if not buffer[index] & 0x80:
            end = index + 1 + length
            return (index + 1, end) if end <= len(buffer) else None
    return None
