"""The source that a configuration names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.capture.bounded import BoundedSource, Driver
from edge.capture.frames import FrameMaker
from edge.capture.gstreamer import GStreamerCamera
from edge.capture.image_folder import ImageFolder
from edge.capture.microphone import Microphone
from edge.capture.opencv_camera import CONNECT_S, UrlCamera, V4L2Camera, patience_s
from edge.capture.raspberry_camera import RaspberryCamera
from edge.capture.replay import Replayed
from edge.capture.sound_file import SoundFile
from edge.capture.source import SAMPLE_RATE_HZ, AudioSource, FrameSource
from edge.capture.video_file import VideoFile
from edge.config import CameraConfig, MicrophoneConfig, ReplayConfig
from edge.errors import CaptureError
from edge.records import AudioChunk, Frame

#: More than the libraries' own time-outs, whose messages say more.
_OPEN_S = CONNECT_S + 5
#: Frames that may wait for the service, which itself keeps the newest only.
_KEEP_FRAMES = 2


def camera_source(camera: CameraConfig, replay: ReplayConfig, origin_ns: int) -> FrameSource:
    """The camera of `camera.source`; a recording begins at monotonic `origin_ns`. Touches no device.

    Raises:
        CaptureError: no kind of camera has a source of this form.
    """
    kind, _, rest = camera.source.partition(":")
    frames = FrameMaker(camera)
    if kind == "gstreamer":
        return GStreamerCamera(camera, frames)
    if kind == "file":
        return Replayed(VideoFile(Path(rest), camera.fps), frames.frame, replay, origin_ns)
    if kind == "images":
        return Replayed(ImageFolder(Path(rest), camera.fps), frames.frame, replay, origin_ns)
    if kind == "v4l2":
        return _bounded(lambda: V4L2Camera(camera, frames), V4L2Camera.advice, camera)
    if kind == "picamera2":
        return _bounded(lambda: RaspberryCamera(camera, frames), RaspberryCamera.advice, camera)
    if kind in ("rtsp", "rtsps", "http", "https"):
        return _bounded(lambda: UrlCamera(camera, frames), UrlCamera.advice, camera)
    raise CaptureError(
        f"[camera] source {camera.source!r}: expected picamera2, v4l2:, gstreamer:, file:, images: or a url"
    )


def microphone_source(microphone: MicrophoneConfig, replay: ReplayConfig, origin_ns: int) -> AudioSource:
    """The microphone of `microphone.source`; a recording begins at monotonic `origin_ns`. Touches no device.

    Raises:
        CaptureError: no kind of microphone has a source of this form.
    """
    kind, _, rest = microphone.source.partition(":")
    if kind == "file":
        return Replayed(SoundFile(Path(rest)), _chunk, replay, origin_ns)
    if kind in ("default", "device"):
        return Microphone(microphone)
    raise CaptureError(f"[microphone] source {microphone.source!r}: expected default, device: or file:")


def _bounded(make: Callable[[], Driver[Frame]], advice: str, camera: CameraConfig) -> BoundedSource[Frame]:
    read_s = patience_s(camera) + 1
    return BoundedSource(make, open_s=_OPEN_S, read_s=read_s, keep=_KEEP_FRAMES, advice=advice)


def _chunk(samples: NDArray[np.float32], start_ns: int) -> AudioChunk:
    return AudioChunk(samples, SAMPLE_RATE_HZ, start_ns)
