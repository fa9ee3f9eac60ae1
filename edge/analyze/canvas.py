"""What is drawn on: a picture of RGB, or the planes of a video's picture, which then needs no conversion."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# ITU-R BT.601, studio range: what H.264 means where a file does not say otherwise.
_YUV = np.array([(65.738, 129.057, 25.064), (-37.945, -74.494, 112.439), (112.439, -94.154, -18.285)]) / 256
_BLACK, _GREY = 16, 128


class Canvas(Protocol):
    """Pixels from the top left corner; `width` is that of the picture. All may reach outside."""

    width: int

    def outline(self, left: int, top: int, right: int, bottom: int, colour: Colour, line_px: int) -> None: ...

    def shade(self, x: int, y: int, width: int, height: int, colours: Sequence[Colour]) -> None:
        """Darken a part of as many rows, each of `height`, as there are colours: what is filled or written in a row in
        its colour reads on every background."""

    def fill(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        """Inside a row of `colour`."""

    def write(self, text: str, x: int, y: int, size: float, colour: Colour) -> None:
        """Inside a row of `colour`; `x` and `y` are where the text's base line begins."""


class RgbCanvas:
    """Draws into uint8 [H, W, 3]."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self._image = image
        self.width = image.shape[1]

    def outline(self, left: int, top: int, right: int, bottom: int, colour: Colour, line_px: int) -> None:
        cv2.rectangle(self._image, (left, top), (right, bottom), colour, line_px)

    def fill(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        self.outline(left, top, right, bottom, colour, cv2.FILLED)

    def shade(self, x: int, y: int, width: int, height: int, colours: Sequence[Colour]) -> None:
        _part(self._image, x, y, width, height * len(colours))[:] //= 4

    def write(self, text: str, x: int, y: int, size: float, colour: Colour) -> None:
        cv2.putText(self._image, text, (x, y), _FONT, size, colour, max(1, round(size * 2)), cv2.LINE_AA)


class YuvCanvas:
    """Draws into the planes of 4:2:0: brightness uint8 [H, W], twice colour uint8 [H/2, W/2].

    Text and bars are drawn in brightness only, and take their colour from their row, which has it all over.
    """

    def __init__(self, planes: tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]) -> None:
        self._light, self._blue, self._red = planes
        self.width = self._light.shape[1]

    def outline(self, left: int, top: int, right: int, bottom: int, colour: Colour, line_px: int) -> None:
        light, blue, red = _yuv(colour)
        half = (left // 2, top // 2), (right // 2, bottom // 2)
        cv2.rectangle(self._light, (left, top), (right, bottom), light, line_px)
        cv2.rectangle(self._blue, *half, blue, max(1, line_px // 2))
        cv2.rectangle(self._red, *half, red, max(1, line_px // 2))

    def fill(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        cv2.rectangle(self._light, (left, top), (right, bottom), _yuv(colour)[0], cv2.FILLED)

    def shade(self, x: int, y: int, width: int, height: int, colours: Sequence[Colour]) -> None:
        part = _part(self._light, x, y, width, height * len(colours))
        part >>= 2
        part += _BLACK * 3 // 4
        blue, red = _columns(tuple(colours), height, y % 2)
        for plane, column in ((self._blue, blue), (self._red, red)):
            part = _part(plane, x // 2, y // 2, (width + 1) // 2, len(column))
            above = max(0, -(y // 2))
            part[:] = column[above : above + len(part)]

    def write(self, text: str, x: int, y: int, size: float, colour: Colour) -> None:
        light = _yuv(colour)[0]
        cv2.putText(self._light, text, (x, y), _FONT, size, light, max(1, round(size * 2)), cv2.LINE_AA)


def _part(plane: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    return plane[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]


@lru_cache
def _yuv(colour: Colour) -> tuple[int, int, int]:
    light, blue, red = (_YUV @ colour + (_BLACK, _GREY, _GREY)).round().astype(int).tolist()
    return light, blue, red


@lru_cache
def _columns(colours: tuple[Colour, ...], height: int, odd: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Rows of colours at half the size, uint8 [N, 1] of blue and of red; `odd`: the first begins at an odd pixel."""
    column = np.empty(((odd + len(colours) * height + 1) // 2, 2), np.uint8)
    for row, colour in enumerate(colours):
        column[(odd + row * height) // 2 : (odd + (row + 1) * height + 1) // 2] = _yuv(colour)[1:]
    return column[:, :1], column[:, 1:]


def planes(frame: Any) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The planes of a PyAV frame yuv420p, to be read and written."""
    light, blue, red = (
        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    return light, blue, red
