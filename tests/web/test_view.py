"""The live view: nothing while nobody watches, then at most ten pictures a second, the newest."""

from __future__ import annotations

import asyncio
import json

import cv2
import numpy as np

from edge.config import DeviceConfig
from edge.records import Box, FaceObservation, Frame
from edge.web.view import LiveView

MS = 1_000_000
FACE = FaceObservation(3, Box(10, 20, 30, 40), 0.9, 0.8, np.float32([0.1, 0, 0, 0.9, 0, 0, 0]), 0)


def frame(number: int) -> Frame:
    return Frame(np.full((480, 640, 3), (number, 0, 0), np.uint8), number * 1000 * MS // 30, number)


def test_pictures_come_with_their_faces_and_the_newest_wins():
    async def watch() -> list[bytes]:
        view = LiveView(DeviceConfig(id="pi"))
        view.saw(frame(2000), [FACE])  # nobody watches: not even its time is noted
        stream = view.watch(5)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        parts = []
        for number in range(60, 90):  # a second at 30 frames
            view.saw(frame(number), [FACE])
            await asyncio.sleep(0.02)
            if first.done():
                parts.append(first.result())
                first = asyncio.ensure_future(anext(stream))
        assert view.watching == 1
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await stream.aclose()
        assert view.watching == 0
        return parts

    parts = asyncio.run(watch())
    assert 1 <= len(parts) <= 11  # ten a second, and the one that the second begins with
    head, _, rest = parts[0].partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    picture = cv2.imdecode(np.frombuffer(rest[: int(fields["Content-Length"])], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (240, 320, 3)
    assert abs(int(picture[100, 100, 2]) - 60) <= 3  # red of frame 60
    about = json.loads(fields["X-View"])
    assert (about["width_px"], about["faces"][0]["subject"]) == (640, "face-3")
    assert about["faces"][0]["box"] == {"x_px": 10.0, "y_px": 20.0, "width_px": 30.0, "height_px": 40.0}


def test_silence_is_told_so_that_a_watcher_who_left_is_found_out():
    async def watch() -> object:
        stream = LiveView(DeviceConfig()).watch(0.01)
        nothing = await anext(stream)
        await stream.aclose()
        return nothing

    assert asyncio.run(watch()) is None
