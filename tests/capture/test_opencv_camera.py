"""Cameras on the network, over loopback: RTSP (GStreamer's server; alive, frozen, absent) and MJPEG over HTTP."""

import base64
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture import camera_source
from edge.config import CameraConfig, ReplayConfig
from edge.errors import CaptureError

#: Debian's Python, which has GStreamer's bindings; a virtual environment has not.
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture(scope="module")
def rtsp_server():
    """(process, port) of a server with user ann and password s3cret at /camera."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        found = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, timeout=30, check=False)
    except FileNotFoundError:
        pytest.skip(f"needs {SYSTEM_PYTHON}")
    if found.returncode:
        pytest.skip("needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good")
    script = Path(__file__).with_name("rtsp_server.py")
    server = subprocess.Popen(
        [SYSTEM_PYTHON, str(script), "--user", "ann", "--password", "s3cret"], stdout=subprocess.PIPE, text=True
    )
    yield server, int(server.stdout.readline())
    server.send_signal(signal.SIGCONT)
    server.kill()
    server.wait()
    server.stdout.close()


def url_camera(url, **settings):
    return camera_source(CameraConfig(source=url, **settings), ReplayConfig(), 0)


def test_an_rtsp_camera_is_read_and_a_frozen_one_is_noticed(rtsp_server):
    server, port = rtsp_server
    camera = url_camera(f"rtsp://ann:s3cret@127.0.0.1:{port}/camera?token=s3cret", fps=30.0, rotation_deg=90)
    assert camera.name == f"rtsp://127.0.0.1:{port}/camera"
    camera.open()
    frames = [camera.read() for _ in range(15)]
    assert frames[0].image.shape == (320, 240, 3)
    # GStreamer's test picture turned clockwise: its white first bar is at the top, its blue last one at the bottom.
    white, blue = frames[-1].image[20, 200], frames[-1].image[300, 200]
    assert white.min() > 150
    assert blue.argmax() == 2
    assert blue[:2].max() < 60
    times = np.array([frame.captured_ns for frame in frames])
    assert (np.diff(times) > 0).all()
    assert 25 < np.median(np.diff(times)) / 1e6 < 60  # 25 a second
    assert abs(time.monotonic_ns() - times[-1]) < 1e9

    server.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(CaptureError, match=r"gave none|gave nothing"):
        list(iter(camera.read, None))
    assert time.monotonic() - began < 5
    camera.close()
    server.send_signal(signal.SIGCONT)
    camera.open()
    assert camera.read().sequence > frames[-1].sequence
    camera.close()
    camera.close()


def test_a_slower_rate_is_kept_on_average(rtsp_server):
    camera = url_camera(f"rtsp://ann:s3cret@127.0.0.1:{rtsp_server[1]}/camera", fps=10.0)
    camera.open()
    first = camera.read()
    times = [camera.read().captured_ns for _ in range(12)]
    camera.close()
    assert 80 < (times[-1] - first.captured_ns) / 12 / 1e6 < 125


class Pictures(BaseHTTPRequestHandler):
    """MJPEG as cameras serve it, for user ann with password s3cret: 20 pictures a second, each 4 levels brighter."""

    def do_GET(self):
        if self.headers["Authorization"] != "Basic " + base64.b64encode(b"ann:s3cret").decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        for number in count():
            jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 4 * number % 256, np.uint8))[1].tobytes()
            head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:  # the reader has gone
                return
            time.sleep(0.05)

    def log_message(self, *_):
        pass


def test_a_camera_over_http_is_read():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    threading.Thread(target=server.serve_forever).start()
    camera = url_camera(f"http://ann:s3cret@127.0.0.1:{server.server_port}/video")
    try:
        camera.open()
        first, second = camera.read(), camera.read()
    finally:
        camera.close()
        server.shutdown()
        server.server_close()
    assert camera.name == f"http://127.0.0.1:{server.server_port}/video"
    assert first.image.shape == second.image.shape == (48, 64, 3)
    assert second.sequence == first.sequence + 1
    assert second.captured_ns > first.captured_ns
    brighter = (int(second.image.mean()) - int(first.image.mean())) % 256
    assert 2 < brighter < 254  # another picture than the first


def test_a_wrong_password_and_no_host_are_errors_without_the_password(rtsp_server):
    script = (
        "import sys\n"
        "from edge.capture import camera_source\n"
        "from edge.config import CameraConfig, ReplayConfig\n"
        "for url in sys.argv[1:]:\n"
        "    try:\n"
        "        camera_source(CameraConfig(source=url), ReplayConfig(), 0).open()\n"
        "    except OSError as error:\n"
        "        print(error)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    urls = [
        f"rtsp://ann:wr0ng-secret@127.0.0.1:{rtsp_server[1]}/camera",
        f"rtsp://ann:wr0ng-secret@127.0.0.1:{port}/camera",
        "http://ann:wr0ng-secret@camera.invalid/video?key=wr0ng-secret",
    ]
    done = subprocess.run([sys.executable, "-c", script, *urls], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count("expected a video stream, could not open one. Check the address, the password") == 3
    assert "wr0ng-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("rtsp://ann:s3cret@cam:8554/live/1?key=s3cret", "rtsp://cam:8554/live/1"),
        ("http://cam/video", "http://cam/video"),
        ("rtsp://ann:s3/cret@cam/live", "rtsp://..."),
        ("rtsp://ann:s3?cret@cam/live", "rtsp://..."),
    ],
)
def test_the_name_holds_no_secret(url, name):
    assert url_camera(url).name == name


def test_a_missing_v4l2_camera_is_one_clear_message():
    with pytest.raises(CaptureError, match="v4l2:63: expected a camera at /dev/video63, found none"):
        camera_source(CameraConfig(source="v4l2:63"), ReplayConfig(), 0).open()
