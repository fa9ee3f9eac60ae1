"""Real PortAudio captures: through an ALSA device whose sound comes from a FIFO, and from a PulseAudio server."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyaudio", reason="needs PyAudio and libportaudio2", exc_type=ImportError)


@pytest.fixture
def run_child(tmp_path):
    """A function that runs Python code where ALSA knows only what `alsa` says; its answer is what the code prints.

    ALSA and PortAudio read their configuration once in a process, so each test has a process of its own.
    """

    def run(code: str, alsa: str, **environment: str) -> str:
        (tmp_path / "asound.conf").write_text(alsa)
        child = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + code],
            env={**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            said, complaints = child.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)  # with the server that it may have started
            raise
        assert child.returncode == 0, complaints
        assert "ALSA lib" not in complaints
        assert "jack" not in complaints.lower()
        return said

    return run


PREAMBLE = """
import os, sys, threading, time
import numpy as np
from edge.capture import microphone_source
from edge.config import MicrophoneConfig, ReplayConfig
from edge.errors import CaptureError
from tests.capture.recordings import loudest_hz

def microphone(source):
    return microphone_source(MicrophoneConfig(source=source), ReplayConfig(), 0)

class Speaker:
    '''Plays a tone into the FIFO at the pace of a sound card, until `quiet` is set.'''
    def __init__(self, path, rate_hz, channels):
        self.pipe = os.open(path, os.O_RDWR)
        self.rate_hz, self.channels = rate_hz, channels
        self.quiet = threading.Event()
        threading.Thread(target=self.play, daemon=True).start()
    def play(self):
        block = self.rate_hz * 512 // 16000
        due = time.monotonic()
        count = 0
        while True:
            while self.quiet.is_set():
                time.sleep(0.01)
                due = max(due, time.monotonic())
            wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(count, count + block) / self.rate_hz)
            count += block
            due += block / self.rate_hz
            time.sleep(max(0, due - time.monotonic()))
            os.write(self.pipe, np.repeat((wave * 32767).astype('<i2'), self.channels).tobytes())
"""

FIFO_DEVICE = """
pcm.fifo {{ type file slave.pcm "quiet" file "/dev/null" infile "{fifo}" format "raw" }}
pcm.quiet {{ type null }}
pcm.!default {{ type file slave.pcm "quiet" file "/dev/null" infile "{fifo}" format "raw" }}
pcm.kitchen {{ type file slave.pcm "quiet" file "/dev/null" infile "{fifo}" format "raw"
    hint {{ show on description "Kitchen microphone" }} }}
"""


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "sound.fifo"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("source", ["default", "device:KITCH"])
def test_a_tone_comes_out_at_16_khz_with_continuous_times(run_child, fifo, source):
    said = run_child(
        f"Speaker({str(fifo)!r}, 16000, 1)\nsource = microphone({source!r})\n"
        "source.open()\n"
        "chunks = [source.read() for _ in range(36)]\n"
        "source.close()\n"
        "late_s = (time.monotonic_ns() - chunks[-1].end_ns) / 1e9\n"
        "assert {(c.samples.shape, c.samples.dtype.name, c.sample_rate_hz) for c in chunks} == "
        "{((512,), 'float32', 16000)}\n"
        "gaps = [abs(b.start_ns - a.end_ns) for a, b in zip(chunks, chunks[1:])]\n"
        "sound = np.concatenate([c.samples for c in chunks[8:]])\n"
        "print(loudest_hz(sound), np.abs(sound).max(), max(gaps), late_s, source.overflows)\n",
        FIFO_DEVICE.format(fifo=fifo),
    )
    hz, peak, gap_ns, late_s, overflows = map(float, said.split())
    assert hz == pytest.approx(440, abs=2)
    assert peak == pytest.approx(0.5, abs=0.02)
    assert gap_ns <= 10_000_000
    assert -0.1 < late_s < 0.5
    assert overflows == 0


def test_a_microphone_that_falls_silent_for_good_is_noticed_and_comes_back(run_child, fifo):
    said = run_child(
        f"speaker = Speaker({str(fifo)!r}, 16000, 1)\nsource = microphone('default')\n"
        "source.open()\n"
        "last = source.read()\n"
        "speaker.quiet.set()\n"
        "time.sleep(0.2)\n"
        "began = time.monotonic()\n"
        "try:\n"
        "    while True: last = source.read()\n"
        "except CaptureError as error:\n"
        "    print(round(time.monotonic() - began, 1), error)\n"
        "source.close()\n"
        "speaker.quiet.clear()\n"
        "time.sleep(0.3)\n"
        "source.open()\n"
        "print(source.read().start_ns > last.end_ns)\n"
        "source.close()\n"
        "source.open()\n"
        "source.read()\n"
        "speaker.quiet.set()\n"  # the process must end although the driver is stuck in a read
        "time.sleep(0.2)\n",
        FIFO_DEVICE.format(fifo=fifo),
    )
    first, second = said.strip().splitlines()
    assert float(first.split()[0]) < 4
    assert "gave nothing for 2 s" in first
    assert second == "True"


def test_a_reader_that_is_late_sees_a_jump_and_a_count(run_child, fifo):
    said = run_child(
        f"Speaker({str(fifo)!r}, 16000, 1)\n"
        "import edge.capture.microphone as module\n"
        "module.KEEP_CHUNKS = 10\n"
        "source = microphone('default')\n"
        "source.open()\n"
        "before = source.read()\n"
        "time.sleep(1)\n"
        "after = source.read()\n"
        "print((after.start_ns - before.end_ns) / 1e6, source.overflows)\n"
        "source.close()\n",
        FIFO_DEVICE.format(fifo=fifo),
    )
    jump_ms, overflows = map(float, said.split())
    assert 400 < jump_ms < 1_000
    assert overflows * 32 == pytest.approx(jump_ms, abs=15)


def test_names_that_fit_none_or_several_are_answered_with_the_names(run_child, fifo):
    said = run_child(
        f"Speaker({str(fifo)!r}, 16000, 1)\n"
        "for name in ('Nowhere', 'i'):\n"
        "    try: microphone('device:' + name).open()\n"
        "    except CaptureError as error: print(error)\n",
        FIFO_DEVICE.format(fifo=fifo),
    )
    none, several = said.strip().splitlines()
    assert "expected one microphone whose name has 'Nowhere', found 0" in none
    assert "kitchen" in none
    assert "found 3" in several


def test_no_microphone_at_all(run_child):
    said = run_child(
        "try: microphone('default').open()\nexcept CaptureError as error: print(error)\n",
        "pcm.!default { type hw card 29 }",
    )
    assert "this machine has no default microphone" in said


def test_without_the_libraries_the_message_names_the_extra(run_child):
    said = run_child(
        "sys.modules['soxr'] = None\ntry: microphone('default').open()\nexcept CaptureError as error: print(error)\n",
        "",
    )
    assert "pip install 'emotion-edge[microphone]'" in said


@pytest.mark.skipif(
    shutil.which("pulseaudio") is None or not list(Path("/usr/lib").glob("**/alsa-lib/libasound_module_pcm_pulse.so")),
    reason="needs pulseaudio and libasound2-plugins",
)
def test_a_sound_server_that_is_frozen_killed_and_started_again(run_child, tmp_path):
    """PortAudio's own read never returns while the server is stopped, and not always when it is killed."""
    said = run_child(
        f"""
import signal, subprocess
def server():
    process = subprocess.Popen(["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
        "--log-level=error", "-L", "module-sine-source",
        "-L", "module-native-protocol-unix socket={tmp_path}/server auth-anonymous=1"], stderr=subprocess.DEVNULL)
    return process
def reopen():
    for attempt in range(100):  # as the service does, until the server is there
        try:
            return source.open()
        except CaptureError:
            time.sleep(0.1)
    raise SystemExit("the sound server did not come")
def failure():
    began = time.monotonic()
    try:
        while True:
            source.read()
    except CaptureError as error:
        print(round(time.monotonic() - began, 1), error)
    source.close()
pulse = server()
try:
    source = microphone("default")
    reopen()
    source.read()
    pulse.send_signal(signal.SIGSTOP)
    failure()
    pulse.send_signal(signal.SIGCONT)
    reopen()
    source.read()
    pulse.kill()
    pulse.wait()
    failure()
    os.unlink("{tmp_path}/server")
    pulse = server()
    reopen()
    print(source.read().samples.shape)
    source.close()
finally:
    pulse.kill()
    pulse.wait()
""",
        "pcm.!default { type pulse }\n",
        PULSE_SERVER=f"unix:{tmp_path}/server",
        HOME=str(tmp_path),
        XDG_RUNTIME_DIR=str(tmp_path),
    )
    frozen, killed, again = said.strip().splitlines()
    assert "gave nothing for 2 s" in frozen
    assert float(frozen.split()[0]) < 4
    assert "stopped giving sound" in killed or "gave nothing" in killed
    assert again == "(512,)"
