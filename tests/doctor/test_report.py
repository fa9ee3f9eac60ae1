"""What a person and what a program is shown; the findings of a real examination, the devices as they would be found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.capture.devices import Device
from edge.doctor.report import run_devices, run_doctor

CAMERA = Device("camera", "v4l2:usb-cam", "USB camera", gives="pictures of 640x480")
MICROPHONE = Device("microphone", "device:USB mic", "USB mic", problem="it is in use by another program")


@pytest.fixture
def nothing_there(tmp_path: Path) -> Path:
    """A configuration under which something fails, and quickly."""
    path = tmp_path / "config.toml"
    path.write_text("[camera]\nfps = 0\n")
    return path


def test_for_a_person_each_finding_is_a_line_and_its_fix_another(nothing_there) -> None:
    command = [sys.executable, "-m", "edge", "doctor", "--config", nothing_there]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok    python: ")
    failed = next(number for number, line in enumerate(lines) if line.startswith("FAIL  configuration: "))
    assert "fps" in lines[failed]
    assert lines[failed + 1].startswith("      -> ")
    assert lines[-1] == f"{sum(line.startswith('FAIL') for line in lines)} failed"


def test_a_program_gets_the_same_as_json(nothing_there) -> None:
    lines: list[str] = []
    told: list[str] = []
    run_doctor(nothing_there, as_json=False, write=lines.append)
    assert run_doctor(nothing_there, as_json=True, write=told.append) == 1
    (text,) = told
    report = json.loads(text)
    assert report["good"] is False
    assert [each["subject"] for each in report["findings"]] == [
        line[6:].partition(": ")[0] for line in lines[:-1] if not line.startswith("      ->")
    ]
    assert all(set(each) == {"subject", "state", "found", "fix"} for each in report["findings"])


@pytest.mark.parametrize(("devices", "code"), [([CAMERA], 0), ([CAMERA, MICROPHONE], 1), ([], 1)])
def test_devices_are_shown_as_the_configuration_names_them_and_one_that_does_not_open_fails(devices, code) -> None:
    lines: list[str] = []
    assert run_devices(devices, as_json=False, write=lines.append) == code
    text = "\n".join(lines)
    for device in devices:
        assert f'source = "{device.source}"' in text
        assert f"{device.name}: {device.gives or device.problem}" in text
    assert ("no camera and no microphone found" in text) == (not devices)
    told: list[str] = []
    assert run_devices(devices, as_json=True, write=told.append) == code
    shown = json.loads("".join(told))
    assert [(each["source"], each["opens"]) for each in shown] == [(each.source, each.opens) for each in devices]
