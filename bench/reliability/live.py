"""A live camera and a live microphone that can be broken: a real RTSP server, a real PulseAudio, and the service."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.demo.clip import _view, synthetic_voice

_RTSP_SCRIPT = Path(__file__).parents[2] / "tests" / "capture" / "rtsp_server.py"
#: Debian's own, which has the bindings of GStreamer.
_SYSTEM_PYTHON = "/usr/bin/python3"
_NEEDED = (
    "sudo apt-get install gstreamer1.0-plugins-good python3-gi gir1.2-gst-rtsp-server-1.0 pulseaudio libasound2-plugins"
)
#: A person comes, stays and leaves in this time.
CLIP_S = 14
FPS = 15


def missing() -> str:
    """What this machine lacks for a live camera and microphone, in words; empty: nothing."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    found = (
        shutil.which(_SYSTEM_PYTHON)
        and not subprocess.run([_SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False).returncode
    )
    pulse = shutil.which("pulseaudio") and shutil.which("pacat")
    plugin = list(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so"))
    return "" if found and pulse and plugin else _NEEDED


class Child:
    """A process that can be killed, frozen, and brought back."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None) -> None:
        self._command, self._environment = command, {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def freeze(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


class Camera(Child):
    """An RTSP camera with a person who comes, stays and leaves, 15 pictures a second."""

    def __init__(self, folder: Path) -> None:
        from skimage.data import astronaut

        pictures = folder / "pictures"
        pictures.mkdir()
        for number in range(CLIP_S * FPS):
            view = _view(np.asarray(astronaut(), np.uint8), number / (CLIP_S * FPS), (640, 480))
            cv2.imwrite(str(pictures / f"{number:03}.jpg"), view[:, :, ::-1])
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/camera"
        super().__init__(
            [_SYSTEM_PYTHON, str(_RTSP_SCRIPT), "--port", str(self.port), "--pictures", f"{pictures}/%03d.jpg"]
        )


class Microphone(Child):
    """A PulseAudio whose default source hears a voice that never ends; `environment` is for who listens."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "sound-server"  # not "pulse": that is a folder of its own
        self.environment = {
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_SOURCE": "voice.monitor",
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }
        (folder / "asound.conf").write_text("pcm.!default { type pulse }\n", encoding="utf-8")
        self._voice = (synthetic_voice(30) * 32767).astype("<i2").tobytes()
        self._speaker: subprocess.Popen[bytes] | None = None
        super().__init__(
            [
                "pulseaudio",
                "-n",
                "--daemonize=no",
                "--exit-idle-time=-1",
                "--use-pid-file=no",
                "--log-level=error",
                "-L",
                "module-null-sink sink_name=voice rate=16000 channels=1",
                "-L",
                f"module-native-protocol-unix socket={self._socket} auth-anonymous=1",
            ],
            self.environment,
        )

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        super().start()
        for _ in range(100):
            if self._socket.exists():
                break
            time.sleep(0.05)
        self._speaker = subprocess.Popen(
            [
                "pacat",
                "--raw",
                "--rate=16000",
                "--channels=1",
                "--format=s16le",
                "--device=voice",
                "--latency-msec=100",
            ],
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        threading.Thread(target=self._speak, args=(self._speaker,), daemon=True).start()

    def kill(self) -> None:
        super().kill()
        if self._speaker:
            self._speaker.kill()
            self._speaker.wait()

    def _speak(self, speaker: subprocess.Popen[bytes]) -> None:
        assert speaker.stdin
        with contextlib.suppress(OSError, ValueError):
            while True:
                speaker.stdin.write(self._voice)


@contextlib.contextmanager
def service(folder: Path, text: str, environment: dict[str, str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """`emotion-edge run` with the configuration `text`; its log is `folder`/log, its state in `folder`/state."""
    (folder / "config.toml").write_text(text, encoding="utf-8")
    (folder / "state").mkdir(exist_ok=True)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "run", "--config", str(folder / "config.toml")],
            env={**os.environ, "STATE_DIRECTORY": str(folder / "state"), **environment},
            stderr=log,
            **options,
        )
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
