"""A TCP relay in front of a broker, for tests of what a network may do to a connection."""

from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Passes connections on to the broker at `broker_port`; `cut` ends those that are open, `joined` says whether more
    are let through."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"
        self.joined = True
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cut(self) -> None:
        self.joined = False
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for end in self._open:
            end.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self.joined:
                client.close()
                continue
            self._open.append(client)
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket, first: bytes = b"") -> None:
        """Connect `client`, of which `first` has been read, with the broker until one of them ends."""
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
