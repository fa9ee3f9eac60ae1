"""Real gst-launch-1.0 children."""

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from edge.capture import camera_source
from edge.config import CameraConfig, ReplayConfig
from edge.errors import CaptureError

needs_gstreamer = pytest.mark.skipif(
    shutil.which("gst-launch-1.0") is None, reason="needs gstreamer1.0-tools and gstreamer1.0-plugins-base"
)
RED = "videotestsrc is-live=true pattern=red ! video/x-raw,width=320,height=240,framerate=30/1"


def pipeline(text, **settings):
    return camera_source(CameraConfig(source=f"gstreamer:{text}", **settings), ReplayConfig(), 0)


def children() -> list[int]:
    """Process ids of this process's living gst-launch-1.0 children."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().partition(" (")[2].rpartition(") ")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if name.startswith("gst-launch") and int(parent) == os.getpid() and state != "Z":
            found.append(int(status.parent.name))
    return found


@needs_gstreamer
def test_pictures_of_the_configured_size_and_rate_and_nothing_is_left_behind():
    camera = pipeline(RED, width_px=110, height_px=70, fps=10.0)  # rows of 330 bytes, which GStreamer pads to 332
    for _ in range(2):
        camera.open()
        frames = [camera.read() for _ in range(6)]
        assert len(children()) == 1
        camera.close()
        assert not children()
        for frame in frames:
            assert frame.image.shape == (70, 110, 3)
            # videoscale keeps the picture's proportions: all but a black border is red.
            assert frame.image[35, 55, 0] > 240
            assert frame.image[35, 55, 1:].max() < 20
        assert 0.05 < (frames[-1].captured_ns - frames[1].captured_ns) / 1e9 / 4 < 0.2
    assert frames[-1].sequence == 11
    camera.close()


@needs_gstreamer
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v4l2src device=/dev/video63", "/dev/video63"),
        ("nosuchelement", "no element"),
        ('videotestsrc pattern="', "No closing quotation"),
        ("videotestsrc num-buffers=0", "ended with status 0"),
    ],
)
def test_a_pipeline_that_cannot_run_says_why_at_open(text, said):
    camera = pipeline(text)
    with pytest.raises(CaptureError, match=said):
        camera.open()
    camera.close()
    assert not children()


@needs_gstreamer
def test_a_killed_child_and_a_frozen_one_are_noticed(monkeypatch):
    monkeypatch.setattr("edge.capture.gstreamer.PATIENCE_S", 1.0)
    camera = pipeline(RED, fps=30.0)
    camera.open()
    camera.read()
    os.kill(children()[0], signal.SIGKILL)
    with pytest.raises(CaptureError, match="the pipeline was ended by SIGKILL"):
        list(iter(camera.read, None))
    camera.open()
    camera.read()
    os.kill(children()[0], signal.SIGSTOP)
    with pytest.raises(CaptureError, match="gave no picture for 1 s"):
        list(iter(camera.read, None))
    camera.close()  # SIGINT cannot end a stopped process, SIGKILL can
    assert not children()


@needs_gstreamer
def test_close_from_another_thread_ends_a_read():
    camera = pipeline("videotestsrc is-live=true ! video/x-raw,framerate=1/10", fps=0.2)
    camera.open()
    camera.read()
    closing = threading.Timer(0.2, camera.close)
    closing.start()
    began = time.monotonic()
    with pytest.raises(CaptureError, match="closed"):
        camera.read()
    assert time.monotonic() - began < 5
    closing.join()
    assert not children()


def test_without_gstreamer_the_message_names_the_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CaptureError, match=r"expected to start gst-launch-1\.0.*apt install gstreamer1\.0-tools"):
        pipeline(RED).open()


def test_the_name_keeps_what_may_hold_a_password_to_itself():
    assert pipeline("rtspsrc location=rtsp://ann:s3cret@cam/ ! decodebin").name == "gstreamer:rtspsrc"
