import numpy as np
import pytest

from edge.capture.frames import FrameMaker
from edge.config import CameraConfig

#: One red pixel at the top left of two rows and three columns.
PICTURE = np.zeros((2, 3, 3), np.uint8)
PICTURE[0, 0] = (255, 0, 0)


@pytest.mark.parametrize(
    ("rotation_deg", "mirror", "size", "red_at"),
    [
        (0, False, (2, 3), (0, 0)),
        (90, False, (3, 2), (0, 1)),
        (180, False, (2, 3), (1, 2)),
        (270, False, (3, 2), (2, 0)),
        (0, True, (2, 3), (0, 2)),
        (90, True, (3, 2), (0, 0)),
    ],
)
def test_turned_clockwise_and_then_mirrored(rotation_deg, mirror, size, red_at):
    image = FrameMaker(CameraConfig(rotation_deg=rotation_deg, mirror=mirror)).frame(PICTURE, 0).image
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert tuple(image[red_at]) == (255, 0, 0)


def test_frames_are_counted_and_keep_their_time():
    maker = FrameMaker(CameraConfig())
    frames = [maker.frame(PICTURE, time_ns) for time_ns in (5, 7)]
    assert [(frame.sequence, frame.captured_ns) for frame in frames] == [(0, 5), (1, 7)]
