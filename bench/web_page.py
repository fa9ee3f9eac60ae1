"""What the local page costs the service, and how soon it is there: `python -m bench.web_page`.

CPU time, which says the same on a machine that does other things: of perceiving a second of picture and sound (640x480
at 15 frames a second, one face; without decoding, which a camera would add), and of showing it meanwhile over the real
server to a reader in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage.data import astronaut

from edge.config import CameraConfig, Config, FaceConfig, MicrophoneConfig, MqttConfig, WebConfig
from edge.demo.clip import synthetic_voice
from edge.records import AudioChunk, Frame
from edge.service.service import Service
from edge.service.stopping import StopRequest
from edge.web import WebServer

_FPS = 15
_PICTURES = 200
_MS = 1_000_000


def service_of(detector: str) -> tuple[Service, str]:
    """A service that does not run, whose parts do, and the address of its page."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = Config(
        camera=CameraConfig(source="file:none"),
        microphone=MicrophoneConfig(source="file:none"),
        face=FaceConfig(detector=detector),
        mqtt=MqttConfig(url="mqtt://127.0.0.1:9"),
        web=replace(WebConfig(), enabled=True, live_view=True, port=port),
    )
    return Service(config, StopRequest()), f"http://127.0.0.1:{port}"


def perceiving_s(service: Service) -> tuple[float, list[Any]]:
    """CPU seconds of seeing and hearing one second, and the faces seen."""
    face, speech = service.pipeline.face, service.pipeline.speech
    assert face is not None and speech is not None  # noqa: PT018 - both are enabled
    image = picture()
    faces: list[Any] = []
    for number in range(5):
        faces = face.observe(Frame(image, number * 66 * _MS, number))
    before = time.thread_time()
    for number in range(5, 5 + 4 * _FPS):
        faces = face.observe(Frame(image, number * 66 * _MS, number))
    seen_s = (time.thread_time() - before) / 4
    sound = synthetic_voice(10)
    chunks = [AudioChunk(sound[n * 512 : (n + 1) * 512], 16_000, n * 32 * _MS) for n in range(len(sound) // 512)]
    before = time.thread_time()
    for chunk in chunks:
        speech.observe(chunk)
    return seen_s + (time.thread_time() - before) / 10, faces


def picture() -> Any:
    """The public-domain portrait as a camera would give it: uint8 [480, 640, 3] RGB."""
    return np.ascontiguousarray(cv2.resize(astronaut()[:384], (640, 480), interpolation=cv2.INTER_AREA))


def showing_s(service: Service, url: str, path: str, faces: list[Any]) -> tuple[float, int]:
    """CPU seconds of the server while `_PICTURES` frames and as many states are shown at `path`, and pictures read."""
    now: Any = service.onlookers[0]
    image = picture()
    state = {"probabilities": None, "emotion": None, "number": 0}
    with tempfile.TemporaryFile() as read:
        reader = subprocess.Popen(["curl", "-sN", f"{url}{path}"], stdout=read)
        while now.view.watching + len(now.onlookers._queues) == 0:
            time.sleep(0.05)
        before = time.process_time()
        for number in range(_PICTURES):
            now.saw(Frame(image, time.monotonic_ns(), number), faces)
            now.look("state", {**state, "number": number})
            time.sleep(0.1)
        spent_s = time.process_time() - before
        reader.terminate()
        reader.wait()
        read.seek(0)
        return spent_s, read.read().count(b"--picture")


def first_view_s(url: str, runs: int) -> list[float] | None:
    """Seconds from asking for the page until the present estimate stands in it, each with an empty cache."""
    program = shutil.which("chromium")
    if program is None:
        return None
    from playwright.sync_api import sync_playwright

    taken = []
    with sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(runs):
            page = browser.new_context().new_page()
            since = time.monotonic()
            page.goto(url)
            page.locator("#bars li").nth(6).wait_for()  # the last of the seven bars
            taken.append(time.monotonic() - since)
            page.close()
        browser.close()
    return taken


def main(say: Callable[[str], None] = print) -> None:
    os.environ.pop("STATE_DIRECTORY", None)
    for detector in ("haar", "face-detector"):
        service, url = service_of(detector)
        server = WebServer(service.config, service, Path("/nonexistent"))
        server.start()
        whole_s, faces = perceiving_s(service)
        say(f"detector {detector}: {1000 * whole_s:.0f} ms CPU a second for seeing and hearing, {len(faces)} face")
        for what, path in (("page's stream", "/v1/now"), ("live view", "/v1/view")):
            spent_s, pictures = showing_s(service, url, path, faces)
            share_s = 10 * spent_s / (pictures or _PICTURES)
            read = f" at 10 fps ({pictures} pictures read)" if pictures else ""
            say(f"  {what}{read}: {1000 * share_s:.1f} ms a second, {100 * share_s / whole_s:.1f} % more")
        if detector == "haar" and (taken := first_view_s(url, 5)):
            say(f"  first view: {statistics.median(taken):.2f} s (median of 5, best {min(taken):.2f} s)")
        server.close()
    say(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
