"""The cameras and microphones of this machine, under names that stay the same, and whether each opens."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edge.capture.configured import camera_source, microphone_source
from edge.capture.source import AudioSource, FrameSource
from edge.capture.v4l2 import video_nodes
from edge.config import CameraConfig, MicrophoneConfig, ReplayConfig
from edge.errors import CaptureError, EdgeError
from edge.installation import install_extra

#: A hung sound server can hold PortAudio for ever, and Python's lock with it: it is asked in a process of its own.
_LIST_S = 10.0
_SOUND_S = 0.6
_PICTURES = 3

_LIST_MICROPHONES = """
import json
from edge.capture.library_noise import silence_sound_libraries
silence_sound_libraries()
import pyaudio
audio = pyaudio.PyAudio()
found = [audio.get_device_info_by_index(n) for n in range(audio.get_device_count())]
print(json.dumps([device["name"] for device in found if device["maxInputChannels"] > 0]))
"""
_LIST_PICAMERA2 = """
import json
from picamera2 import Picamera2
print(json.dumps([str(camera.get("Model", "?")) for camera in Picamera2.global_camera_info()]))
"""


@dataclass(frozen=True, slots=True)
class Device:
    """One device. `source` is what the configuration calls it; `gives` tells what came from it, else `problem` why."""

    kind: str
    source: str
    name: str
    gives: str = ""
    problem: str = ""

    @property
    def opens(self) -> bool:
        return not self.problem


def list_devices() -> Iterator[Device]:
    """Every camera and microphone, each opened for a moment and closed again. May take seconds a device."""
    sources = list(_cameras())
    for device in sources:
        yield try_device(device)
    microphones, problem = _ask(_LIST_MICROPHONES)
    if problem:
        yield Device("microphone", "default", "any", problem=problem)
    for name in dict.fromkeys(microphones):
        yield try_device(Device("microphone", f"device:{name}", name))


def try_device(device: Device) -> Device:
    """`device`, opened, read, and closed again."""
    try:
        gives = look(device.source) if device.kind == "camera" else hear(device.source)
    except EdgeError as error:
        return replace(device, problem=str(error))
    except Exception as error:  # a library with an error of its own kind: one device must not hide the others
        return replace(device, problem=f"{device.source}: unexpected {type(error).__name__}: {error}")
    return replace(device, gives=gives)


def look(source: str, camera: CameraConfig | None = None) -> str:
    """What the camera at `source` gives, in words. Raises CaptureError."""
    camera = replace(camera or CameraConfig(), source=source)
    frames: FrameSource = camera_source(camera, ReplayConfig(), time.monotonic_ns())
    try:
        frames.open()
        image = None
        for _ in range(_PICTURES):  # the first are often dark: the exposure settles
            if (frame := frames.read()) is None:
                break
            image = frame.image
    finally:
        frames.close()
    if image is None:
        raise CaptureError(f"{source}: expected at least one picture, found none. Is the recording whole?")
    height, width = image.shape[:2]
    dark = ", but all black: is the lens covered?" if image.max() < 16 else ""
    return f"pictures of {width} x {height}{dark}"


def hear(source: str) -> str:
    """What the microphone at `source` gives, in words. Raises CaptureError."""
    sound: AudioSource = microphone_source(MicrophoneConfig(source=source), ReplayConfig(), time.monotonic_ns())
    heard: list[float] = []
    try:
        sound.open()
        while sum(heard) < _SOUND_S and (chunk := sound.read()) is not None:
            heard.append(len(chunk.samples) / chunk.sample_rate_hz)
            loudest = float(np.abs(chunk.samples).max())
    finally:
        sound.close()
    if not heard:
        raise CaptureError(f"{source}: expected sound, found none. Is the recording whole?")
    # -90 dBFS is one step of 16 bits: less is a switch that is off, not a quiet room.
    silent = ", but only digital silence: is it switched off, or its level 0 (alsamixer)?" if loudest < 3e-5 else ""
    return f"sound{silent}"


def _cameras() -> Iterator[Device]:
    for node in video_nodes():
        if node.index == 0:
            # The link holds the serial number: it tells two of the same make apart.
            name = node.links[0] if node.links else node.name
            yield Device("camera", f"v4l2:{name}", node.name)
    names, _ = _ask(_LIST_PICAMERA2)
    for number, name in enumerate(names):
        yield Device("camera", f"picamera2:{number}", name)


def _ask(program: str) -> tuple[list[str], str]:
    """What `program` prints (a JSON list), or why there is none."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=_LIST_S
        )
    except subprocess.TimeoutExpired:
        return (
            [],
            f"the sound system gave no answer for {_LIST_S:g} s: restart it (systemctl --user restart pulseaudio)",
        )
    try:
        return list(json.loads(done.stdout)), ""
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        advice = f"sudo apt-get install libportaudio2, then {install_extra('microphone')}"
        return [], f"{last[0]}: expected PyAudio: {advice}"
