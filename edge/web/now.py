"""What the page shows, as one stream: first all that is known, then what changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import edge
from edge.palette import hexadecimal
from edge.records import EMOTIONS, UNCERTAIN, AudioChunk, FaceObservation, Frame
from edge.service.service import Service
from edge.web.onlookers import Onlookers
from edge.web.recent import INTERVAL_S, Recent
from edge.web.view import LiveView

#: How often somebody who watches is told what is new.
_TICK_S = 0.25


class Now:
    """The running service as the web shows it.

    It takes what the publisher is given (`look`) and what is perceived (`saw`, `heard`) from the service's threads.
    """

    def __init__(self, service: Service) -> None:
        config = service.config
        self.service = service
        self.onlookers = Onlookers()
        self.recent = Recent()
        #: None: the configuration does not allow it.
        self.view = LiveView(config.device) if config.web.live_view else None
        service.onlookers.append(self)
        service.publisher.onlookers.append(self.look)

    def look(self, name: str, body: Mapping[str, Any]) -> None:
        """Take what the service publishes under `name`; any thread, returns at once."""
        if name == "event":
            self.onlookers.tell(body)
        elif name == "state":
            self.onlookers.state = body
            self.recent.state(body)
        elif name == "health":
            self.onlookers.health = body
        elif name == "info":
            self.onlookers.info = body

    def saw(self, frame: Frame, faces: list[FaceObservation]) -> None:
        """Take a frame; the thread that sees."""
        if self.view:
            self.view.saw(frame, faces)

    def heard(self, chunk: AudioChunk, voice: float) -> None:
        """Take a chunk of sound; the thread that hears."""
        self.recent.heard(chunk, voice)

    def settings(self) -> dict[str, Any]:
        """What a person may change, as it is."""
        view = None if self.view is None else {"watching": self.view.watching}
        return {**self.service.present(), "view": view}

    async def stream(self, scopes: frozenset[str]) -> AsyncIterator[bytes]:
        """Server-sent events: ``hello``, then those of `_newest`, ``row`` and ``event``.

        Args:
            scopes: what the reader may do; he is told of it.
        """
        newest, rows = self.recent.rows()
        yield _message(
            "hello",
            {
                "version": edge.__version__,
                "device": self.service.config.device.name,
                "place": self.service.config.device.place,
                "scopes": sorted(scopes),
                "emotions": list(EMOTIONS),
                "colours": {emotion: hexadecimal(emotion) for emotion in (*EMOTIONS, UNCERTAIN)},
                "interval_s": INTERVAL_S,
                "rows": rows,
                "events": list(self.onlookers.lately),
            },
        )
        told: dict[str, Any] = {}
        async for event in self.onlookers.look_on(_TICK_S):
            parts = [_message("event", event)] if event is not None else []
            newest, rows = self.recent.rows(newest)
            parts += [_message("row", row) for row in rows]
            for name, value in self._newest().items():
                if value is not None and told.get(name) != value:
                    told[name] = value
                    parts.append(_message(name, value))
            # Never nothing: a reader that is gone is found out by writing to it.
            yield b"".join(parts) or b":\n\n"

    def _newest(self) -> dict[str, Any]:
        seen = self.onlookers
        level, voice = self.recent.sound or (None, None)
        return {
            "state": seen.state,
            "sound": {"level_dbfs": level, "voice": voice},
            "settings": self.settings(),
            "health": seen.health,
            "info": seen.info,
        }


def _message(name: str, body: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
