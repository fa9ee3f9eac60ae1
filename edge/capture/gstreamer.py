"""Any GStreamer pipeline as a camera; on a Jetson, the CSI cameras (`nvarguscamerasrc`).

The pipeline runs in a gst-launch-1.0 child and its raw pictures come through a pipe. So it works with every OpenCV
build, a driver that crashes or hangs takes only the child with it, and the child can always be killed.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import select
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.capture.frames import FrameMaker
from edge.config import CameraConfig
from edge.errors import CaptureError
from edge.records import Frame

OPEN_S = 10.0
PATIENCE_S = 3.0
#: `close` from another thread waits for at most this long until a waiting `read` lets go.
_SLICE_MS = 100
_PASSWORD = re.compile(r"//[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class _Child:
    """A running gst-launch-1.0 and this end of its two pipes (file descriptors)."""

    process: subprocess.Popen[bytes]
    pictures: int
    complaints: int


class GStreamerCamera:
    """``gstreamer:PIPELINE``: the pipeline up to, and without, its sink, with pictures in main memory at its end.

    Jetson: ``gstreamer:nvarguscamerasrc ! video/x-raw(memory:NVMM),width=1280,height=720 ! nvvidconv ! video/x-raw``.
    """

    def __init__(self, camera: CameraConfig, frames: FrameMaker) -> None:
        self._pipeline = camera.source.partition(":")[2]
        self.name = "gstreamer:" + (self._pipeline.split() or [""])[0]  # later words may hold a password
        self._width, self._height = camera.width_px, camera.height_px
        self._fps = camera.fps
        self._patience_s = max(PATIENCE_S, 3 / camera.fps)
        self._frames = frames
        self._lock = threading.Lock()  # held while the pipe is touched, never while waiting for long
        self._child: _Child | None = None
        self._complaints: deque[str] = deque(maxlen=20)

    def open(self) -> None:
        self.close()
        caps = f"video/x-raw,format=RGB,width={self._width},height={self._height}"
        rate = f"videorate drop-only=true max-rate={math.ceil(self._fps)}"
        pictures, picture_end = os.pipe()
        complaints, complaint_end = os.pipe()
        try:
            process = subprocess.Popen(
                shlex.split(
                    f"gst-launch-1.0 -q {self._pipeline} ! {rate} ! videoconvert ! videoscale ! {caps} ! fdsink"
                ),
                stdin=subprocess.DEVNULL,
                stdout=picture_end,
                stderr=complaint_end,
                start_new_session=True,  # a Ctrl-C in the terminal is the service's, and killpg reaches grandchildren
            )
        except (OSError, ValueError) as error:
            os.close(pictures)
            os.close(complaints)
            missing = isinstance(error, FileNotFoundError)
            raise CaptureError(
                f"{self.name}: expected to start gst-launch-1.0: {error}. "
                + ("sudo apt install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good" * missing)
            ) from error
        finally:
            os.close(picture_end)
            os.close(complaint_end)
        for pipe in (pictures, complaints):
            os.set_blocking(pipe, False)
        with self._lock:
            self._complaints.clear()
            self._child = _Child(process, pictures, complaints)
        # An empty read waits for the first byte: a wrong pipeline fails here, not at the first picture.
        self._fill(memoryview(b""), OPEN_S)

    def read(self) -> Frame:
        # GStreamer pads each row of RGB to a multiple of four bytes.
        rows: NDArray[np.uint8] = np.empty((self._height, (self._width * 3 + 3) // 4 * 4), np.uint8)
        self._fill(rows.data.cast("B"), self._patience_s)
        image = rows[:, : self._width * 3].reshape(self._height, self._width, 3)
        return self._frames.frame(image, time.monotonic_ns())

    def close(self) -> None:
        with self._lock:
            child, self._child = self._child, None
        if child is None:
            return
        # SIGINT lets the pipeline give the camera back (the Jetson's camera daemon needs this); then by force.
        for how in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(0.5)
                break
        os.close(child.pictures)
        os.close(child.complaints)

    def _fill(self, target: memoryview, patience_s: float) -> None:
        """Read until `target` is full; an empty one until a first byte could be read."""
        deadline = time.monotonic() + patience_s
        filled = 0
        while time.monotonic() < deadline:
            with self._lock:
                if self._child is None:
                    raise CaptureError(f"{self.name}: is closed; open it before reading")
                if self._has_picture(self._child):
                    filled += os.readv(self._child.pictures, [target[filled:]]) if len(target) else 0
                    if filled == len(target):
                        return
        raise CaptureError(self._message(f"gave no picture for {patience_s:g} s"))

    def _has_picture(self, child: _Child) -> bool:
        """Whether bytes of a picture wait, for a slice of time; keeps what the child complains about.

        Raises:
            CaptureError: the child has ended.
        """
        poll = select.poll()
        poll.register(child.pictures, select.POLLIN)
        poll.register(child.complaints, select.POLLIN)
        events = dict(poll.poll(_SLICE_MS))
        if events.get(child.complaints, 0) & select.POLLIN:
            text = os.read(child.complaints, 65536).decode(errors="replace")
            self._complaints.extend(_PASSWORD.sub("//", line.strip()) for line in text.splitlines() if line.strip())
        elif events.get(child.pictures, 0) == select.POLLHUP:  # nothing more will come, and all complaints are read
            try:
                code = child.process.wait(_SLICE_MS / 1000)
            except subprocess.TimeoutExpired:
                return False
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
            raise CaptureError(self._message(f"the pipeline {how}"))
        return bool(events.get(child.pictures, 0) & select.POLLIN)

    def _message(self, what: str) -> str:
        telling = [line for line in self._complaints if "err" in line.casefold()] or list(self._complaints)
        said = f" It said: {' / '.join(telling[:3])}" if telling else ""
        return f"{self.name}: {what}.{said} Try it alone: gst-launch-1.0 PIPELINE ! videoconvert ! autovideosink"
