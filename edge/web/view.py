"""The live view: the newest picture to whoever watches. Nothing is encoded or kept while nobody does."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

from edge.capture.rate import FrameRate
from edge.config import DeviceConfig
from edge.jpeg import jpeg
from edge.publish import payloads
from edge.records import FaceObservation, Frame

_LOG = logging.getLogger(__name__)

HZ = 10
MOST = 4
# Enough to see whether the camera looks where it should. Pictures are shrunk by a whole number, which for 640 pixels
# costs a third of shrinking them to 480 (0.7 ms with its JPEG instead of 1.6, on x86-64).
_WIDTH_PX = 480
BOUNDARY = "picture"


class LiveView:
    """`saw` belongs to the thread that sees, everything else to the event loop.

    Boxes and bars are not drawn here but told with each picture: the page draws them, sharper and for nothing.
    """

    def __init__(self, device: DeviceConfig) -> None:
        self._device = device
        self._queues: set[asyncio.Queue[bytes]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rate = FrameRate(HZ)

    @property
    def watching(self) -> int:
        return len(self._queues)

    def saw(self, frame: Frame, faces: list[FaceObservation]) -> None:
        """Take a frame if somebody watches and it is time for one.

        It is encoded here: less than a millisecond, which handing it to another thread would cost once more.
        """
        if not self._queues or self._loop is None or not self._rate.takes(frame.captured_ns):
            return
        with suppress(RuntimeError):  # the loop is at its end
            self._loop.call_soon_threadsafe(self._give, self._part(frame, faces))

    async def watch(self, idle_s: float) -> AsyncIterator[bytes | None]:
        """Pictures as parts of a multipart/x-mixed-replace body; None after `idle_s` without one."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._loop = asyncio.get_running_loop()
        self._queues.add(queue)
        _LOG.info("web: live view: %d watch", self.watching)
        try:
            while True:
                try:
                    yield await asyncio.wait_for(queue.get(), idle_s)
                except asyncio.TimeoutError:
                    yield None
        finally:
            self._queues.discard(queue)
            _LOG.info("web: live view: %d watch", self.watching)

    def _give(self, part: bytes) -> None:
        for queue in self._queues:
            if queue.full():  # a slow reader gets the newest
                queue.get_nowait()
            queue.put_nowait(part)

    def _part(self, frame: Frame, faces: list[FaceObservation]) -> bytes:
        height, width = frame.image.shape[:2]
        about = {"width_px": width, "height_px": height, "faces": [self._told(face) for face in faces]}
        picture = jpeg(frame.image, width // -(-width // _WIDTH_PX))
        head = (
            f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
            f"X-View: {json.dumps(about, separators=(',', ':'))}\r\n\r\n"
        )
        return head.encode("ascii") + picture + b"\r\n"

    def _told(self, face: FaceObservation) -> dict[str, object]:
        told = payloads.observation(face, self._device, offset_ns=0)
        return {key: told[key] for key in ("subject", "box", "quality", "abstained", "probabilities")}
