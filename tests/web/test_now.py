"""The stream of the page, from a service that was built but does not run: what it is given is all there is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from edge.config_toml import load_config
from edge.records import EMOTIONS, AudioChunk
from edge.service.service import Service
from edge.service.stopping import StopRequest
from edge.web.now import Now

CONFIG = """
[device]
id = "kitchen-pi"
[camera]
source = "file:/none/such.mkv"
[microphone]
enabled = false
[mqtt]
url = "mqtt://127.0.0.1:9"
"""
QUIET = ":\n\n"


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Now:
    path: Path = tmp_path_factory.mktemp("now") / "config.toml"
    path.write_text(CONFIG)
    return Now(Service(load_config(path), StopRequest()))


def read(now: Now, reader: Callable[[Callable[[], Awaitable[str]]], Awaitable[None]]) -> None:
    """Run `reader` with what reads one message after the other off the stream."""

    async def run() -> None:
        stream = now.stream(frozenset({"view", "read"}))

        async def part() -> str:
            return (await anext(stream)).decode()

        await reader(part)
        await stream.aclose()

    asyncio.run(run())


def messages(text: str) -> dict[str, object]:
    """The newest of each kind in a part of the stream."""
    pairs = (each.split("\ndata: ", 1) for each in text.strip("\n").split("\n\n"))
    return {name.removeprefix("event: "): json.loads(data) for name, data in pairs}


def test_first_all_that_is_known_then_only_what_changes(now: Now, event_of) -> None:
    publisher = now.service.publisher

    async def reader(part) -> None:
        hello = messages(await part())["hello"]
        assert (hello["device"], hello["scopes"], hello["emotions"]) == ("kitchen-pi", ["read", "view"], list(EMOTIONS))
        assert set(hello["colours"]) == {*EMOTIONS, "uncertain"}
        first = messages(await part())
        assert set(first) == {"settings", "sound"}  # nothing was published yet
        assert first["settings"]["camera"] == "starting"
        assert first["settings"]["microphone"] == "off"
        assert first["settings"]["view"] is None  # the configuration does not allow it
        assert await part() == QUIET
        publisher.publish_state(event_of("sad").estimate, 2)
        second = messages(await part())
        assert set(second) == {"state", "row"}
        assert (second["state"]["emotion"], second["state"]["people"]) == ("sad", 2)
        assert second["row"][1][EMOTIONS.index("sad")] == pytest.approx(0.7)
        assert await part() == QUIET
        now.heard(AudioChunk(np.full(512, 0.1, np.float32), 16_000, 0), 0.75)
        assert messages(await part()) == {"sound": {"level_dbfs": -20.0, "voice": 0.75}}
        now.look("event", {"sequence": 7})
        assert messages(await part()) == {"event": {"sequence": 7}}

    read(now, reader)


def test_who_comes_later_is_told_what_happened_lately(now: Now) -> None:
    now.look("event", {"sequence": 8})

    async def reader(part) -> None:
        hello = messages(await part())["hello"]
        assert hello["events"][-1] == {"sequence": 8}

    read(now, reader)
