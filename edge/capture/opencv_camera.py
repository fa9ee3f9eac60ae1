"""Cameras that OpenCV reads: V4L2 devices, and network cameras (RTSP, HTTP) through its FFmpeg.

Both are drivers for `BoundedSource`: their calls block.
"""

from __future__ import annotations

import logging
import os
import re
import time
from abc import ABC, abstractmethod

import cv2
import numpy as np

from edge.capture.frames import FrameMaker
from edge.capture.rate import FrameRate
from edge.capture.v4l2 import find_camera
from edge.config import CameraConfig
from edge.errors import CaptureError
from edge.records import Frame

log = logging.getLogger(__name__)

#: A camera that gives nothing for this long has failed; a slow one may take three times its interval.
PATIENCE_S = 3.0
#: How long a network camera may take to answer.
CONNECT_S = 5.0


def patience_s(camera: CameraConfig) -> float:
    return max(PATIENCE_S, 3 / camera.fps)


class _OpenCVCamera(ABC):
    """Reads as fast as the device gives, so that nothing grows old in a buffer, and decodes `fps` of it."""

    advice: str

    def __init__(self, camera: CameraConfig, frames: FrameMaker, name: str) -> None:
        self.name = name
        self._camera = camera
        self._frames = frames
        self._capture: cv2.VideoCapture | None = None
        self._rate = FrameRate(camera.fps)

    @abstractmethod
    def open(self) -> None: ...

    def read(self) -> Frame:
        capture = self._capture
        while capture is not None and capture.grab():
            now_ns = time.monotonic_ns()
            if not self._rate.takes(now_ns):
                continue
            decoded, picture = capture.retrieve()
            if decoded and picture is not None and picture.size:
                rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
                return self._frames.frame(rgb, now_ns)
        raise CaptureError(f"{self.name}: expected the next picture, the camera gave none. {self.advice}")

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class V4L2Camera(_OpenCVCamera):
    """A camera at /dev/video*: USB, or anything with a V4L2 driver. MJPG is asked for: raw pictures at 640x480 and
    30 fps already fill a USB 2 link that two cameras share.
    """

    advice = "Check the cable, and that no other program uses the camera (fuser -v /dev/video*)."

    def __init__(self, camera: CameraConfig, frames: FrameMaker) -> None:
        super().__init__(camera, frames, camera.source)

    def open(self) -> None:
        node = find_camera(self._camera.source.partition(":")[2])
        if not os.access(node, os.R_OK | os.W_OK):
            raise CaptureError(
                f"{self.name}: expected to read and write {node}, permission denied. "
                "Add the user to the group 'video' (usermod -aG video USER) and start again."
            )
        # OpenCV takes its time-out of a read from here alone, once in a process.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(round(patience_s(self._camera))))
        capture = cv2.VideoCapture(str(node), cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise CaptureError(f"{self.name}: expected a camera at {node} that gives pictures. {self.advice}")
        self._capture = capture
        size = (self._camera.width_px, self._camera.height_px)
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        capture.set(cv2.CAP_PROP_FPS, self._camera.fps)
        given = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        if given != size:
            log.warning("%s: asked for %dx%d, the camera gives %dx%d", self.name, *size, *given)


class UrlCamera(_OpenCVCamera):
    """A camera on the network; the picture has the size that the camera sends."""

    advice = "Check the address, the password and the network (ffplay URL)."

    def __init__(self, camera: CameraConfig, frames: FrameMaker) -> None:
        super().__init__(camera, frames, _public(camera.source))

    def open(self) -> None:
        settings = {
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: round(CONNECT_S * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC: round(patience_s(self._camera) * 1000),
            cv2.CAP_PROP_N_THREADS: 1,  # FFmpeg's frame threads would each hold a picture back
        }
        capture = cv2.VideoCapture(
            self._camera.source, cv2.CAP_FFMPEG, [number for pair in settings.items() for number in pair]
        )
        if not capture.isOpened():
            capture.release()
            raise CaptureError(f"{self.name}: expected a video stream, could not open one. {self.advice}")
        self._capture = capture


#: scheme, user and password, host and port, path, query
_URL = re.compile(r"(\w+)://(?:[^/@?#\s]*@)?([^/@?#\s:]+(?::\d+)?)(/[^?#@]*)?(?:[?#][^@]*)?")


def _public(url: str) -> str:
    """`url` without user, password and query, which may be secrets; only its scheme where they cannot be told."""
    match = _URL.fullmatch(url)
    if match is None:
        return url.partition("://")[0] + "://..."
    scheme, host, path = match.groups(default="")
    return f"{scheme}://{host}{path}"
