from __future__ import annotations

import pytest

from edge.capture.configured import camera_source, microphone_source
from edge.config import CameraConfig, MicrophoneConfig, ReplayConfig
from edge.errors import CaptureError


@pytest.mark.parametrize("source", ["", "webcam", "ftp://camera/stream", "FILE:clip.mkv"])
def test_a_source_of_no_known_kind_is_refused_with_those_that_are(source: str):
    with pytest.raises(CaptureError, match=r"\[camera\] source .*: expected picamera2, v4l2:, gstreamer:, file:"):
        camera_source(CameraConfig(source=source), ReplayConfig(), 0)
    with pytest.raises(CaptureError, match=r"\[microphone\] source .*: expected default, device: or file:"):
        microphone_source(MicrophoneConfig(source=source), ReplayConfig(), 0)


@pytest.mark.parametrize(
    "source",
    [
        "v4l2:7",
        "picamera2",
        "picamera2:1",
        "rtsp://127.0.0.1:9/none",
        "file:none",
        "images:none",
    ],
)
def test_naming_a_camera_touches_no_device(source: str):
    """Made where none of these is there: only opening it fails."""
    camera = camera_source(CameraConfig(source=source), ReplayConfig(), 0)
    with pytest.raises(CaptureError):
        camera.open()
    camera.close()
