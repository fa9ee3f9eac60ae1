"""Nothing of what is seen and heard is written anywhere: not to a file, not to MQTT, not to the log or a report."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import zlib
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile

from tests.service.canary import RATE_HZ, Canary, canary

#: -D: the program that is watched is our child, not strace's.
STRACE = ["strace", "-D", "-f", "--seccomp-bpf", "-xx", "-s", "100000000"]
WRITES = "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,vmsplice"
PLACES = ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "TMPDIR", "HOME", "XDG_CACHE_HOME")


@pytest.fixture(scope="module")
def planted() -> Canary:
    return canary()


@pytest.fixture(scope="module")
def watched() -> list[str]:
    """What to put before a command to see all that it writes; skips where nobody may watch a process."""
    if (
        not shutil.which("strace")
        or subprocess.run([*STRACE, "-e", WRITES, "-o", os.devnull, "true"], check=False).returncode
    ):
        pytest.skip("strace is missing, or may not watch a process here: sudo apt-get install strace")
    return [*STRACE, "-e", WRITES]


def written(trace: Path) -> dict[str, bytes]:
    """What each file descriptor was given, as `STRACE` notes it; waits for its end."""
    for _ in range(100):
        text = trace.read_text()
        if re.search(r"^\d+ +\+\+\+ (exited|killed)", text.splitlines()[-1]) if text else False:
            break
        time.sleep(0.1)
    streams: defaultdict[str, bytearray] = defaultdict(bytearray)
    for line in text.splitlines():
        if call := re.match(r"\d+ +\w+\((\d+), ", line):
            for part in re.findall(r'"((?:\\x[0-9a-f]{2})+)"', line):
                streams[call[1]] += bytes.fromhex(part.replace("\\x", ""))
    return {number: bytes(stream) for number, stream in streams.items()}


def files(process: int, folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, and every one that the process writes to, deleted ones too."""
    held = {}
    for number in Path(f"/proc/{process}/fdinfo").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            link = number.parents[1] / "fd" / number.name
            flags = int(re.findall(r"flags:\s*(\d+)", number.read_text())[0], 8)
            if flags & os.O_ACCMODE != os.O_RDONLY and link.is_file():
                held[f"{number.name} {link.readlink()}"] = link.read_bytes()
    return held | below(folder)


def below(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # a folder, or renamed meanwhile
            found[str(path)] = path.read_bytes()
    return found


def unpacked(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as file:
        return {each.name: file.extractfile(each).read() for each in file.getmembers()}  # type: ignore[union-attr]


def test_it_is_nowhere(start, configure, mosquitto, subscriber, planted, watched, tmp_path):
    pictures, voice = planted.write(tmp_path / "source")
    config = configure(
        device={"id": "test"},
        camera={"source": f"images:{pictures}", "fps": 8},
        microphone={"source": f"file:{voice}"},
        replay={"repeat": True},
        mqtt={"url": mosquitto.url, "observations": True},
        fusion={"uncertain_below": 0.15, "hysteresis": 0.0, "dwell_ms": 100, "smoothing_ms": 100},
        health={"interval_s": 0.5},
        log={"level": "DEBUG"},
    )
    kept, trace = tmp_path / "kept", tmp_path / "trace"
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), **{name: str(kept / name) for name in PLACES}}
    for name in PLACES:
        (kept / name).mkdir(parents=True)
    service = start("run", "--config", config, under=[*watched, "-o", trace], env=environment, cwd=kept)
    collected: dict[str, bytes] = {}

    def seen_and_heard(heard) -> bool:
        collected.update(files(service.process.pid, kept))
        names = ("event", "health", "observation/face", "observation/speech")
        return all(len(heard.on(name)) >= 2 for name in names)  # somebody came, and has an emotion

    subscriber.wait_for(seen_and_heard, 60)
    report = tmp_path / "report.tar.gz"
    command = [sys.executable, "-m", "edge", "report", "--config", config, "--out", report]
    said = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=100, cwd=kept)
    collected |= files(service.process.pid, kept)
    service.process.terminate()
    assert service.wait(30) == 0, service.log
    collected |= {
        **{f"at the end {name}": data for name, data in below(kept).items()},
        **{f"descriptor {number}": data for number, data in written(trace).items()},
        **{f"report {name}": data for name, data in unpacked(report).items()},
        "MQTT": b"\n".join(message.topic.encode() + b" " + message.payload for message in subscriber.messages),
        "log": service.log.encode(),
        "report said": said.stdout + said.stderr,
    }
    for name in ("outbox.sqlite", "flight.json"):
        assert [place for place in collected if name in place], collected.keys()
    assert b"microphone: reading" in collected["log"]
    assert b"observation/face" in b"".join(data for name, data in collected.items() if name.startswith("descriptor"))
    assert {name: found for name, data in collected.items() if (found := planted.found(data))} == {}


LEAK = """
import os, signal, sys
leak = sys.stdin.buffer.read()
open("gone", "wb").write(leak)
os.unlink("gone")
held = open("held", "wb")
held.write(leak)
held.flush()
os.unlink("held")
print("ready", flush=True)
signal.pause()
"""


def test_where_it_would_be_found(planted, watched, tmp_path):
    """A leak that lasted for a moment, and one in a file that was deleted while it is open."""
    trace, leak = tmp_path / "trace", planted.sound[:2048].tobytes()
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": tmp_path}
    with subprocess.Popen([*watched, "-o", trace, sys.executable, "-c", LEAK], **options) as process:
        process.stdin.write(leak)
        process.stdin.close()
        assert process.stdout.readline() == b"ready\n"
        held = files(process.pid, tmp_path)
        process.terminate()
    assert [planted.found(data) for name, data in held.items() if "held" in name] == [{"sound"}]
    assert [found for data in written(trace).values() if (found := planted.found(data))] == [{"sound"}]


def _file_of(sound: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, RATE_HZ, format=kind)
    return file.getvalue()


def _jpeg(picture: np.ndarray, width: int) -> bytes:
    small = cv2.resize(picture, (width, width * picture.shape[0] // picture.shape[1]), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small[:, :, ::-1])[1].tobytes()


def _log_of(sound: np.ndarray) -> bytes:
    lines = [[round(float(value), 3) for value in part] for part in sound.reshape(-1, 128)]
    return "\n".join(f"2026-11-21 17:04:42,231 DEBUG heard {line}" for line in lines).encode()


SEEN = {
    "its bytes": lambda p: p.picture.tobytes()[100_000:120_000],
    "half as large": lambda p: cv2.resize(p.picture, (320, 240))[:40].tobytes(),
    "float": lambda p: (cv2.resize(p.picture, (160, 120))[:40] / np.float32(255)).tobytes(),
    "as an int8 model is given it": lambda p: (cv2.resize(p.picture, (160, 120))[:40] ^ 0x80).tobytes(),
    "the face": lambda p: b"\0" + p.crop.tobytes(),
    "JPEG of the face": lambda p: b"<" + _jpeg(p.crop, 48),
    "JPEG in JSON": lambda p: json.dumps({"thumb": base64.b64encode(_jpeg(p.picture, 120)).decode()}).encode(),
    "a row of pixels in a log": lambda p: f"DEBUG row {p.picture[200].tolist()}".encode(),
    "compressed": lambda p: b"\0" + zlib.compress(p.picture[:17].tobytes()),
}
HEARD = {
    "one chunk": lambda p: b"\1\2\3" + p.sound[5120:5632].tobytes(),
    "int16 at 8 kHz": lambda p: (p.sound[:8000:2] * 20_000).astype("<i2").tobytes(),
    "WAV, compressed": lambda p: gzip.compress(_file_of(p.sound[:4000], "WAV")),
    "FLAC": lambda p: _file_of(p.sound[:4000], "FLAC"),
    "hexadecimal": lambda p: p.sound[5120:5632].tobytes().hex().encode(),
    "numbers in a log": lambda p: _log_of(p.sound[5120:7168]),
}


@pytest.mark.parametrize("form", SEEN)
def test_a_picture_is_found_as(form, planted):
    assert planted.found(SEEN[form](planted)) == {"picture"}


@pytest.mark.parametrize("form", HEARD)
def test_a_sound_is_found_as(form, planted):
    assert planted.found(HEARD[form](planted)) == {"sound"}


def test_other_things_are_not_found(planted):
    rng = np.random.default_rng(3)
    other = cv2.imencode(".jpg", cv2.flip(planted.picture, 0))[1].tobytes()
    figures = json.dumps(rng.random((400, 7)).tolist()).encode()
    assert planted.found(rng.bytes(50_000) + other + figures) == set()
