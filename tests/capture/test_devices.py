"""Devices as they are found and tried; what is plugged in here is unknown, so the tests bring recordings."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import soundfile

from edge.capture.devices import Device, hear, list_devices, look, try_device


def test_a_camera_that_gives_pictures_opens(clip):
    device = try_device(Device("camera", f"file:{clip}", "a clip"))
    assert device.opens
    assert device.gives.startswith("pictures of ")


def test_a_camera_that_is_not_there_says_why():
    device = try_device(Device("camera", "v4l2:/dev/video99", "none"))
    assert not device.opens
    assert "/dev/video99" in device.problem


def test_a_covered_lens_and_a_switch_that_is_off_are_told_of(tmp_path):
    import cv2

    (tmp_path / "dark").mkdir()
    cv2.imwrite(str(tmp_path / "dark/1.png"), np.zeros((48, 64, 3), np.uint8))
    assert "all black" in look(f"images:{tmp_path}/dark")
    soundfile.write(tmp_path / "off.wav", np.zeros(32_000), 16_000)
    assert "digital silence" in hear(f"file:{tmp_path}/off.wav")


def test_sound_is_heard(tone_wav):
    assert hear(f"file:{tone_wav()}") == "sound"


def test_every_device_of_this_machine_is_named_and_tried():
    for device in list_devices():
        assert device.kind in ("camera", "microphone")
        assert device.opens == (device.problem == "")
        assert device.gives or device.problem


def test_the_list_is_json_for_another_program():
    command = [sys.executable, "-m", "edge", "devices", "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=110)
    listed = json.loads(done.stdout)
    assert done.returncode == (0 if listed and all(device["opens"] for device in listed) else 1)
