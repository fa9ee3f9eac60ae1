"""What a configuration's camera and microphone become, with recordings that are not there: nothing is opened."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from edge.config import CameraConfig, Config, MicrophoneConfig
from edge.records import Frame
from edge.service.devices import build_sensors, counting_unread, is_recording
from edge.service.flow import LiveFlow

RECORDING = "file:/none/such.mkv"


@pytest.fixture
def config() -> Config:
    return replace(Config(), camera=CameraConfig(source=RECORDING), microphone=MicrophoneConfig(source=RECORDING))


def test_what_is_not_enabled_has_ended_already(steps, config) -> None:
    config = replace(config, camera=CameraConfig(enabled=False))
    camera, microphone = build_sensors(config, LiveFlow(steps), steps, muted=())
    assert camera is None
    assert steps.camera_ended.is_set()
    assert microphone.kind == "microphone"
    assert not steps.microphone_ended.is_set()


def test_a_recording_that_cannot_be_read_fails_for_good_and_ends_its_sense(steps, config) -> None:
    for sensor in build_sensors(config, LiveFlow(steps), steps, muted=()):
        sensor.run()  # a device would be tried again, for ever
        assert sensor.failed
        assert "such.mkv" in sensor.reason
        assert steps.progress.rounds()[sensor.kind] >= 1
    assert steps.camera_ended.is_set()
    assert steps.microphone_ended.is_set()


def test_the_muted_one_alone_stays_closed(steps, config) -> None:
    camera, microphone = build_sensors(config, LiveFlow(steps), steps, muted={"camera"})
    microphone.run()
    assert microphone.failed
    reader = threading.Thread(target=camera.run, daemon=True)
    reader.start()
    while steps.progress.rounds().get("camera", 0) < 3:
        time.sleep(0.01)
    assert (camera.state, camera.failed) == ("muted", False)
    steps.stop.set()
    reader.join(30)
    assert not reader.is_alive()


def test_frames_that_nobody_read_in_time_count_as_dropped() -> None:
    taken = []

    def deliver(frame: Frame) -> int:
        taken.append(frame.sequence)
        return 1 if frame.sequence == 7 else 0  # this one pushed another out

    count = counting_unread(deliver)
    image = np.zeros((2, 2, 3), np.uint8)
    assert [count(Frame(image, 0, number)) for number in (0, 1, 5, 6, 7, 0, 3)] == [0, 0, 3, 0, 1, 0, 2]
    assert taken == [0, 1, 5, 6, 7, 0, 3]


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        ("file:/a.mkv", True),
        ("images:/folder", True),
        ("v4l2:0", False),
        ("rtsp://door/main", False),
        ("default", False),
    ],
)
def test_only_files_are_recordings(source, ends) -> None:
    assert is_recording(source) is ends
