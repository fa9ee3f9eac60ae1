"""The Raspberry Pi's own cameras, through picamera2: a driver for `BoundedSource`."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeoutError  # the builtin one only since Python 3.11
from typing import Any

from edge.capture.frames import FrameMaker
from edge.config import CameraConfig
from edge.errors import CaptureError
from edge.installation import FOR_NUMPY_1, install_extra, pip_install
from edge.records import Frame

#: Under the time-out of the `BoundedSource` around it, so that a stuck camera can still be closed in order.
WAIT_S = 2.5


class RaspberryCamera:
    """``picamera2`` or ``picamera2:NUMBER``, as `rpicam-hello --list-cameras` counts them."""

    advice = "Check the ribbon cable at both ends, and that rpicam-hello shows a picture."

    def __init__(self, camera: CameraConfig, frames: FrameMaker) -> None:
        self.name = camera.source
        self._config = camera
        self._number = int(camera.source.partition(":")[2] or 0)
        self._frames = frames
        self._wait_s = max(WAIT_S, 2.5 / camera.fps)
        self._picamera: Any = None

    def open(self) -> None:
        try:
            from picamera2 import Picamera2
        # A package built for another NumPy fails with ValueError, a libcamera of another version with the others.
        except (ImportError, ValueError, AttributeError, OSError) as error:
            raise CaptureError(
                f"{self.name}: expected the picamera2 library, got {type(error).__name__}: {error}. "
                "On Raspberry Pi OS: sudo apt install python3-picamera2, and make the virtual environment "
                f"with --system-site-packages; elsewhere: {install_extra('raspberry-pi')}. Does the error speak of "
                f"numpy.dtype size? Then: {pip_install(*FOR_NUMPY_1)}"
            ) from error
        try:
            found = [str(camera.get("Model", "?")) for camera in Picamera2.global_camera_info()]
        except (RuntimeError, OSError) as error:
            raise CaptureError(f"{self.name}: libcamera cannot list its cameras: {error}. {self.advice}") from error
        if self._number >= len(found):
            raise CaptureError(
                f"{self.name}: expected camera number {self._number} (from 0), found {len(found)} cameras: "
                f"{', '.join(found) or 'none'}. {self.advice}"
            )
        size = (self._config.width_px, self._config.height_px)
        try:
            self._picamera = Picamera2(self._number)
            self._picamera.configure(
                self._picamera.create_video_configuration(
                    # picamera2 names formats from the high byte down: "BGR888" is R, G, B in memory.
                    main={"size": size, "format": "BGR888"},
                    controls={"FrameRate": self._config.fps},
                    buffer_count=4,
                )
            )
            self._picamera.start()
        except (RuntimeError, ValueError, IndexError, OSError) as error:
            raise CaptureError(
                f"{self.name}: expected {size[0]}x{size[1]} at {self._config.fps:g} fps, the camera does not start: "
                f"{error}. {self.advice}"
            ) from error

    def read(self) -> Frame:
        try:
            job = self._picamera.capture_array("main", wait=False)
            image = self._picamera.wait(job, timeout=self._wait_s)
        except (FutureTimeoutError, TimeoutError) as error:
            raise CaptureError(f"{self.name}: gave no picture for {self._wait_s:g} s. {self.advice}") from error
        except (RuntimeError, OSError) as error:
            raise CaptureError(f"{self.name}: {error}. {self.advice}") from error
        return self._frames.frame(image, time.monotonic_ns())

    def close(self) -> None:
        if self._picamera is None:
            return
        camera, self._picamera = self._picamera, None
        camera.cancel_all_and_flush()  # a capture that never came would else keep close() waiting
        camera.close()
