"""What is drawn shows who was found, where, and what they seem to feel."""

from __future__ import annotations

import av
import numpy as np
import pytest

from edge.analyze.canvas import YuvCanvas, planes
from edge.analyze.marks import draw, mark
from edge.palette import COLOURS
from edge.records import EMOTIONS, Box, FaceObservation


def face(box: Box, emotion: str = "happy") -> FaceObservation:
    probabilities = np.array([0.7 if each == emotion else 0.05 for each in EMOTIONS], np.float32)
    return FaceObservation(3, box, 0.9, 0.9, probabilities, 0)


def test_the_box_is_drawn_in_the_colour_of_the_emotion_and_the_picture_itself_kept():
    image = np.full((240, 320, 3), 128, np.uint8)
    drawn = draw(image, [face(Box(100, 80, 60, 60))])
    assert tuple(drawn[140, 130]) == COLOURS["happy"]  # its lower edge
    assert (image == 128).all()
    assert (drawn != 128).any(axis=2).mean() > 0.03


@pytest.mark.parametrize("yuv", [False, True])
@pytest.mark.parametrize(
    "box", [Box(-30, -40, 90, 90), Box(300, 220, 90, 90), Box(0, 0, 320, 240), Box(-500, -500, 10, 10)]
)
def test_a_box_may_lie_anywhere(box: Box, yuv: bool):
    if yuv:
        mark(YuvCanvas(planes(av.VideoFrame(320, 240, "yuv420p"))), 240, [face(box)])
    else:
        assert draw(np.zeros((240, 320, 3), np.uint8), [face(box)]).shape == (240, 320, 3)


def bars(image: np.ndarray, left: int) -> list[int]:
    """Of each emotion's row beside a face at `top` 80, how far its bar reaches, in pixels from its beginning."""
    rows = [image[80 + 10 * row + 5, left + 29 :] for row in range(len(EMOTIONS))]
    return [
        int((np.abs(row.astype(int) - COLOURS[emotion]).max(axis=1) < 3).sum())
        for row, emotion in zip(rows, EMOTIONS, strict=True)
    ]


def test_the_bars_stand_right_of_the_face_where_there_is_room_and_are_as_long_as_what_is_probable():
    drawn = draw(np.full((240, 320, 3), 128, np.uint8), [face(Box(100, 80, 60, 60))])
    lengths = bars(drawn, 160 + 3)
    assert lengths.index(max(lengths)) == EMOTIONS.index("happy")
    assert 25 < max(lengths) < 40
    assert sum(lengths) - max(lengths) < 30
    at_the_edge = draw(np.full((240, 320, 3), 128, np.uint8), [face(Box(250, 80, 60, 60))])
    assert (at_the_edge[85:150, 185:240] != 128).any(axis=2).mean() > 0.9  # left of it
