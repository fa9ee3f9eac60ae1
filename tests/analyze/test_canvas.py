"""What is drawn into a video's planes looks as if it had been drawn in colour; the judge is OpenCV's own conversion."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.analyze.canvas import RgbCanvas, YuvCanvas
from edge.palette import COLOURS

SIDE = 64
WHITE = (255, 255, 255)


class Video:
    """White 4:2:0 planes, and how they look."""

    def __init__(self) -> None:
        half = (SIDE // 2, SIDE // 2)
        self.planes = np.full((SIDE, SIDE), 235, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)
        self.canvas = YuvCanvas(self.planes)

    def rgb(self) -> NDArray[np.uint8]:
        stacked = np.concatenate([plane.ravel() for plane in self.planes]).reshape(SIDE * 3 // 2, SIDE)
        return np.asarray(cv2.cvtColor(stacked, cv2.COLOR_YUV2RGB_I420), np.uint8)


@pytest.fixture
def video() -> Video:
    return Video()


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.full((SIDE, SIDE, 3), 255, np.uint8)


def near(shown: NDArray[np.uint8], expected: NDArray[np.uint8]) -> bool:
    return int(np.abs(shown.astype(int) - expected.astype(int)).max()) <= 3


@pytest.mark.parametrize("emotion", COLOURS)
def test_a_bar_in_its_row_has_the_same_colour_in_both(video, image, emotion: str) -> None:
    for canvas in (video.canvas, RgbCanvas(image)):
        assert canvas.width == SIDE
        canvas.shade(8, 8, 40, 40, [COLOURS[emotion]])
        canvas.fill(16, 20, 31, 41, COLOURS[emotion])
    assert (image[20:42, 16:32] == COLOURS[emotion]).all()
    assert (image == 255).all(axis=2).sum() == SIDE**2 - 40 * 40
    assert near(video.rgb()[20:42, 16:32], image[20:42, 16:32])


def test_each_row_has_its_colour(video) -> None:
    rows = [COLOURS["angry"], COLOURS["happy"]]
    video.canvas.shade(0, 0, SIDE, 16, rows)
    for number, colour in enumerate(rows):
        video.canvas.fill(0, 16 * number, SIDE, 16 * number + 15, colour)
    shown = video.rgb()
    assert near(shown[8, 32], np.array(rows[0], np.uint8))
    assert near(shown[24, 32], np.array(rows[1], np.uint8))


def test_an_outline_leaves_what_is_in_it(video, image) -> None:
    for canvas in (video.canvas, RgbCanvas(image)):
        canvas.outline(16, 16, 48, 48, COLOURS["angry"], 4)
    shown = video.rgb()
    for x, y in ((16, 32), (48, 32), (32, 16), (32, 48)):
        assert near(shown[y, x], image[y, x])
        assert tuple(image[y, x]) == COLOURS["angry"]
    for untouched in (shown, image):
        assert near(untouched[24:40, 24:40], np.full((16, 16, 3), 255, np.uint8))
        assert near(untouched[:8], np.full((8, SIDE, 3), 255, np.uint8))


@pytest.mark.parametrize(("x", "y", "columns", "rows"), [(-10, 4, 10, 20), (50, 60, 14, 4), (-30, 0, 0, 20)])
def test_what_reaches_outside_is_cut_off(video, image, x: int, y: int, columns: int, rows: int) -> None:
    for canvas in (video.canvas, RgbCanvas(image)):
        canvas.shade(x, y, 20, 20, [WHITE])
        canvas.fill(-50, -50, -1, -1, COLOURS["angry"])
    dark = video.rgb().max(axis=2) < 128
    assert dark.sum() == columns * rows
    assert dark.tolist() == (image.max(axis=2) < 128).tolist()


@pytest.mark.parametrize("y", [-13, -6, 5, 40])
@pytest.mark.parametrize("x", [-9, 7, 50])
def test_rows_that_reach_outside_keep_their_colours(x: int, y: int) -> None:
    """As cut out of the same rows in a larger picture."""
    rows = [COLOURS["angry"], COLOURS["happy"], COLOURS["sad"]]
    small, large = (
        tuple(np.full(shape, 128, np.uint8) for shape in ((side, side), (side // 2, side // 2), (side // 2, side // 2)))
        for side in (SIDE, 2 * SIDE)
    )
    YuvCanvas(small).shade(x, y, 20, 9, rows)
    YuvCanvas(large).shade(x + 32, y + 32, 20, 9, rows)
    for plane, whole in zip(small, large, strict=True):
        edge = 32 * len(plane) // SIDE
        np.testing.assert_array_equal(plane, whole[edge : edge + len(plane), edge : edge + len(plane)])
    assert len(np.unique(small[1])) > 1


def test_text_is_readable_on_what_was_darkened_for_it(video, image) -> None:
    light = video.planes[0]
    for canvas in (video.canvas, RgbCanvas(image)):
        canvas.shade(0, 0, SIDE, SIDE, [COLOURS["happy"]])
    ground = int(light[0, 0])
    assert (light == ground).all()
    assert (image == 255 // 4).all()
    for canvas in (video.canvas, RgbCanvas(image)):
        canvas.write("sad", 4, 40, 0.8, COLOURS["happy"])
    assert (light != ground).sum() > 50
    assert int(light.max()) > 2.5 * ground
    written = image[(image != 255 // 4).any(axis=2)]
    assert len(written) > 50
    assert tuple(written.max(axis=0)) == COLOURS["happy"]
