"""What a network and what lies behind it may do to a connection, for the tests of several modules."""

from __future__ import annotations

import socket
import ssl

import pytest

from tests.relay import Relay


class Gate(Relay):
    """A door in front of a broker: `answer` gets the first bytes of a connection (CONNECT) and says what is sent back
    before it is closed; None lets the connection through."""

    def __init__(self, broker_port: int, answer) -> None:
        self._answer = answer
        super().__init__(broker_port)

    def _pass(self, client: socket.socket, first: bytes = b"") -> None:
        first = client.recv(4096)
        answer = self._answer(first) if first else b""  # nothing: only looked whether somebody listens
        if answer is None:
            super()._pass(client, first)
            return
        client.sendall(answer)
        client.close()


def failed_handshake() -> ssl.SSLError:
    """What a client gets from a port that does not speak TLS."""
    incoming = ssl.MemoryBIO()
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    client = ssl.create_default_context().wrap_bio(incoming, ssl.MemoryBIO(), server_hostname="hub")
    with pytest.raises(ssl.SSLError) as failure:
        client.do_handshake()
    return failure.value


def warnings(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
