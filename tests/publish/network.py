"""What a network and what lies behind it may do to a connection, for the tests of several modules."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest


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
