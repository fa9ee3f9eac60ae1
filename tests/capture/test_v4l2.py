"""Names to nodes, on a made-up /sys and /dev tree in the form that Linux gives them."""

import pytest

from edge.capture.v4l2 import find_camera
from edge.errors import CaptureError


@pytest.fixture
def tree(tmp_path):
    """A Pi with a webcam (pictures at video2, metadata at video3), two equal cameras, and a codec."""
    sysfs, dev = tmp_path / "sys", tmp_path / "dev"
    (dev / "v4l/by-id").mkdir(parents=True)
    for number, name, index, link in (
        (2, "HD Pro Webcam C920", 0, "usb-046d_HD_Pro_Webcam_C920_5A2B-video-index0"),
        (3, "HD Pro Webcam C920", 1, "usb-046d_HD_Pro_Webcam_C920_5A2B-video-index1"),
        (4, "USB Camera: one", 0, "usb-Sonix_USB_Camera_SN001-video-index0"),
        (6, "USB Camera: one", 0, "usb-Sonix_USB_Camera_SN002-video-index0"),
        (10, "bcm2835-codec-decode", 0, None),
    ):
        folder = sysfs / f"video{number}"
        folder.mkdir(parents=True)
        (folder / "name").write_text(name + "\n")
        (folder / "index").write_text(f"{index}\n")
        (dev / f"video{number}").touch()
        if link:
            (dev / "v4l/by-id" / link).symlink_to(f"../../video{number}")
    return {"sysfs": sysfs, "dev": dev}


@pytest.mark.parametrize(
    ("wanted", "node"),
    [
        ("2", "video2"),
        ("HD Pro Webcam C920", "video2"),
        ("c920", "video2"),
        ("SN002", "video6"),
        ("usb-Sonix_USB_Camera_SN001-video-index0", "video4"),
    ],
)
def test_a_number_a_name_or_a_part_of_it(tree, wanted, node):
    assert find_camera(wanted, **tree) == tree["dev"] / node


def test_a_path_by_id_is_followed(tree):
    link = tree["dev"] / "v4l/by-id/usb-046d_HD_Pro_Webcam_C920_5A2B-video-index0"
    assert find_camera(str(link), **tree) == tree["dev"] / "video2"


@pytest.mark.parametrize("wanted", ["Logitech", "0", "/dev/video-that-is-not-there"])
def test_a_missing_camera_is_answered_with_those_that_exist(tree, wanted):
    with pytest.raises(CaptureError, match=r"found none.*video2: HD Pro Webcam C920, usb-046d.*video4: USB Camera"):
        find_camera(wanted, **tree)


def test_two_equal_cameras_need_the_long_name(tree):
    with pytest.raises(CaptureError, match=r"expected one camera .* found 2.*SN001.*SN002.*long name"):
        find_camera("usb camera: one", **tree)


def test_no_camera_at_all(tmp_path):
    with pytest.raises(CaptureError, match="No camera is connected"):
        find_camera("C920", sysfs=tmp_path / "sys", dev=tmp_path)
