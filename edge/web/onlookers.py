"""What the service tells, on its way to those who look on over HTTP; the service never waits for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

MOST = 16
#: Events that may wait for a slow reader; then he is let go, and finds out by `sequence` what he missed.
_WAITING = 256
#: Events that whoever comes later is shown.
_LATELY = 50


class Onlookers:
    """`tell` from any thread; `look_on` in the event loop."""

    def __init__(self) -> None:
        #: The newest of each kind, as it is published.
        self.state: Mapping[str, Any] | None = None
        self.health: Mapping[str, Any] | None = None
        self.info: Mapping[str, Any] | None = None
        #: The last events, the newest last.
        self.lately: deque[Mapping[str, Any]] = deque(maxlen=_LATELY)
        self._queues: dict[asyncio.Queue[Mapping[str, Any] | None], asyncio.AbstractEventLoop] = {}

    @property
    def full(self) -> bool:
        return len(self._queues) >= MOST

    def tell(self, event: Mapping[str, Any]) -> None:
        """Pass on an event; returns at once."""
        self.lately.append(event)
        for queue, loop in list(self._queues.items()):
            with suppress(RuntimeError):  # the loop is at its end
                loop.call_soon_threadsafe(self._put, queue, event)

    async def look_on(self, idle_s: float) -> AsyncIterator[Mapping[str, Any] | None]:
        """Events as they come; None after `idle_s` without one."""
        queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(_WAITING + 1)
        self._queues[queue] = asyncio.get_running_loop()
        try:
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), idle_s)
                except asyncio.TimeoutError:
                    yield None
                    continue
                if event is None:
                    return
                yield event
        finally:
            self._queues.pop(queue, None)

    def _put(self, queue: asyncio.Queue[Mapping[str, Any] | None], event: Mapping[str, Any]) -> None:
        if queue.qsize() < _WAITING:
            queue.put_nowait(event)
        elif not queue.full():
            queue.put_nowait(None)
            self._queues.pop(queue, None)
