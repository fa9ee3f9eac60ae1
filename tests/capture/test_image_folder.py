import logging

import cv2
import numpy as np
import pytest

from edge.capture import camera_source
from edge.config import CameraConfig, ReplayConfig
from edge.errors import CaptureError
from tests.capture.recordings import FAST, read_all


def folder_camera(folder, fps=10.0, replay=FAST):
    return camera_source(CameraConfig(source=f"images:{folder}", fps=fps), replay, 1_000)


def write_picture(path, red):
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:, :, 2] = red  # OpenCV writes B, G, R
    cv2.imwrite(str(path), picture)


def test_pictures_come_in_the_order_of_their_numbers_at_the_configured_rate(tmp_path):
    for number in (10, 2, 1):
        write_picture(tmp_path / f"shot{number}.png", number * 20)
    (tmp_path / "notes.txt").write_text("not a picture")
    frames = read_all(folder_camera(tmp_path))
    assert [int(frame.image[5, 5, 0]) for frame in frames] == [20, 40, 200]
    assert [frame.captured_ns for frame in frames] == [1_000, 100_001_000, 200_001_000]
    assert frames[0].image.shape == (20, 30, 3)


def test_a_damaged_picture_is_skipped_with_a_warning_and_keeps_its_place_in_time(tmp_path, caplog):
    write_picture(tmp_path / "1.png", 50)
    (tmp_path / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "3.png").touch()
    write_picture(tmp_path / "4.jpg", 50)
    with caplog.at_level(logging.WARNING):
        frames = read_all(folder_camera(tmp_path))
    assert [frame.captured_ns for frame in frames] == [1_000, 300_001_000]
    assert "2.png is not a picture" in caplog.text
    assert "3.png is not a picture" in caplog.text


def test_a_folder_with_nothing_to_show_is_an_error(tmp_path):
    with pytest.raises(CaptureError, match="expected a folder of pictures"):
        folder_camera(tmp_path / "missing").open()
    with pytest.raises(CaptureError, match=r"expected pictures .* found none"):
        folder_camera(tmp_path).open()
    (tmp_path / "1.png").touch()
    for replay in (FAST, ReplayConfig(pace="fast", repeat=True)):
        with pytest.raises(CaptureError, match="none of the 1 files can be read"):
            read_all(folder_camera(tmp_path, replay=replay))


def test_repeat_goes_on_in_time(tmp_path):
    for number in range(3):
        write_picture(tmp_path / f"{number}.png", number)
    camera = folder_camera(tmp_path, replay=ReplayConfig(pace="fast", repeat=True))
    camera.open()
    frames = [camera.read() for _ in range(7)]
    camera.close()
    assert [frame.captured_ns for frame in frames] == [1_000 + 100_000_000 * number for number in range(7)]
    assert [frame.sequence for frame in frames] == list(range(7))
