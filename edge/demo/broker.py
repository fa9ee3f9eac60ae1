"""An MQTT broker inside this process, for the demo only."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from types import TracebackType

from edge.errors import EdgeError
from edge.installation import install_extra

_START_S = 15


class EmbeddedBroker:
    """amqtt (MQTT 3.1.1) on a free loopback port, in a thread of its own, as a context manager.

    Raises (on entering):
        EdgeError: amqtt is missing or does not start.
    """

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._error: Exception | None = None
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> EmbeddedBroker:
        self._thread.start()
        if not self._started.wait(_START_S) or self._error:
            raise EdgeError(f"demo: the embedded MQTT broker did not start: {self._error or 'no answer'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)

    def _run(self) -> None:
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:  # told by __enter__, in the thread that asked
            self._error = error
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        try:
            from amqtt.broker import Broker
        except ImportError as error:
            raise EdgeError(f"amqtt is missing. Install it with: {install_extra('demo')}") from error
        self._end = asyncio.Event()
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )
        await broker.start()
        self._started.set()
        await self._end.wait()
        await broker.shutdown()
