"""Events to those who look on: in order, and nobody waits for a slow reader."""

from __future__ import annotations

import asyncio
import threading

from edge.web.onlookers import Onlookers


def test_events_come_in_order_from_another_thread():
    async def look() -> list[int]:
        onlookers = Onlookers()
        seen = []
        teller = threading.Thread(target=lambda: [onlookers.tell({"sequence": n}) for n in range(100)])
        stream = onlookers.look_on(5)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        teller.start()
        seen.append((await first)["sequence"])
        while len(seen) < 100:
            seen.append((await anext(stream))["sequence"])
        await stream.aclose()
        return seen

    assert asyncio.run(look()) == list(range(100))


def test_who_does_not_read_is_let_go():
    async def look() -> int:
        onlookers = Onlookers()
        stream = onlookers.look_on(5)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        for number in range(1000):
            onlookers.tell({"sequence": number})
        await first
        return 1 + len([event async for event in stream])

    assert asyncio.run(look()) == 256


def test_silence_is_told():
    async def look() -> object:
        stream = Onlookers().look_on(0.01)
        nothing = await anext(stream)
        await stream.aclose()
        return nothing

    assert asyncio.run(look()) is None
