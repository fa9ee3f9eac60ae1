import numpy as np

from edge.capture import camera_source
from edge.config import CameraConfig
from tests.capture.recordings import FAST, FPS, is_burst, read_all, write_clip


def test_every_picture_with_the_time_of_the_file(clip):
    frames = read_all(camera_source(CameraConfig(source=f"file:{clip}", fps=FPS), FAST, 5_000))
    assert len(frames) == 3 * FPS
    assert [frame.sequence for frame in frames] == list(range(3 * FPS))
    for number, frame in enumerate(frames):
        assert frame.captured_ns == 5_000 + number * 1_000_000_000 // FPS
        assert frame.image.shape == (120, 160, 3)
        assert frame.image.dtype == np.uint8
        assert (frame.image[10, 10].mean() > 128) == is_burst(number / FPS)


def test_a_file_with_more_pictures_than_the_camera_would_give_gives_as_many(clip):
    frames = read_all(camera_source(CameraConfig(source=f"file:{clip}", fps=15), FAST, 0))
    assert len(frames) == 3 * 15
    # Those of 25 a second that are next to 15 a second: after two, one and two of 40 ms.
    assert {frame.captured_ns // 1_000_000 % 200 for frame in frames} == {0, 80, 120}


def test_turned_as_configured(clip):
    frames = read_all(camera_source(CameraConfig(source=f"file:{clip}", rotation_deg=90), FAST, 0))
    assert frames[0].image.shape == (160, 120, 3)
    # The bar at the left of the first picture is at the top of the turned one.
    assert 100 < frames[0].image[4, 60].mean() < 160
    assert frames[0].image[100, 60].mean() < 60


def test_upright_as_the_phone_that_recorded_it_says(tmp_path):
    path = write_clip(tmp_path / "phone.mp4", seconds=0.2, sound=False)
    data = bytearray(path.read_bytes())
    # The matrix of the track header (ISO 14496-12, 8.3.2), 40 bytes into its content: a quarter turn clockwise.
    matrix = data.index(b"tkhd") + 4 + 40
    assert data[matrix : matrix + 4] == b"\0\1\0\0"
    turned = (0, 0x10000, 0, -0x10000, 0, 0, 120 * 0x10000, 0, 0x40000000)
    data[matrix : matrix + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in turned)
    path.write_bytes(data)
    image = read_all(camera_source(CameraConfig(source=f"file:{path}"), FAST, 0))[0].image
    assert image.shape == (160, 120, 3)
    assert 100 < image[4, 60].mean() < 160  # the bar at the left is at the top
    assert image[100, 60].mean() < 60
