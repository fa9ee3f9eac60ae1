"""What the camera sees and the microphone hears is found nowhere else: a canary in both, and a search of everything."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import tarfile
import wave

import cv2
import numpy as np

#: As long as a piece that would still be of use to anybody: sixteen pixels of a row, sixteen samples.
_PIECE = 16


def canary_picture() -> np.ndarray:
    """A face that the service finds, with a band of noise that occurs nowhere else: uint8 [480, 640, 3] BGR."""
    from bench.steps import portrait

    picture = np.ascontiguousarray(portrait()[:, :, ::-1])
    picture[440:] = np.random.default_rng(7).integers(0, 256, (40, 640, 3), np.uint8)
    return picture


def canary_sound() -> np.ndarray:
    """Twenty seconds of a voice, int16 at 16 kHz, with noise that occurs nowhere else."""
    from edge.demo.clip import synthetic_voice

    voice = synthetic_voice(20) * 20_000
    return (voice + np.random.default_rng(8).integers(-200, 200, len(voice))).astype("<i2")


def forms(pixels: np.ndarray, samples: np.ndarray) -> dict[str, bytes]:
    """Pieces of both in every form in which they could be kept: raw, as floats, in base64, as text."""
    rgb, found = pixels[460, 100 : 100 + _PIECE], {}
    for name, row in (("BGR", rgb), ("RGB", rgb[:, ::-1])):
        found[name] = np.ascontiguousarray(row).tobytes()
        found[f"{name} as float32"] = (np.ascontiguousarray(row).astype(np.float32) / 255).tobytes()
    some = samples[5000 : 5000 + _PIECE]
    found["sound"] = some.tobytes()
    found["sound as float32"] = (some.astype(np.float32) / 32768).tobytes()
    for name in list(found):
        # Base64 works on groups of three bytes: the piece may begin at any of them.
        for shift in range(3):
            encoded = base64.b64encode(found[name][shift:])
            found[f"{name} in base64, {shift}"] = encoded[: len(encoded) - 4]
    found["pixels as text"] = b", ".join(str(int(value)).encode() for value in rgb.reshape(-1)[:12])
    found["samples as text"] = b", ".join(str(int(value)).encode() for value in some[:8])
    return found


#: How files of pictures, sound and compressed data begin.
_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"RIFF": "WAV or AVI",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
    b"GIF8": "GIF",
}


def search(what: str, data: bytes, wanted: dict[str, bytes]) -> list[str]:
    return [f"{what}: {name}" for name, piece in wanted.items() if piece in data] + [
        f"{what}: looks like {kind}" for magic, kind in _MAGIC.items() if data.startswith(magic)
    ]


def test_the_search_finds_what_it_looks_for():
    picture, sound = canary_picture(), canary_sound()
    wanted = forms(picture, sound)
    assert search("raw", picture.tobytes(), wanted)
    assert search("sound", sound.tobytes(), wanted)
    assert search("text", str(sound[5000:5020].tolist()).encode(), wanted)
    assert search("base64", base64.b64encode(picture.tobytes()), wanted)
    assert search("file", cv2.imencode(".jpg", picture)[1].tobytes(), wanted)
    assert not search("another", np.zeros(10_000, np.uint8).tobytes(), wanted)


def test_what_is_seen_and_heard_is_found_nowhere(start, configure, mosquitto, subscriber, tmp_path):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in/1.png"), canary_picture())
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(canary_sound().tobytes())
    config = configure(
        device={"id": "test"},
        camera={"source": f"images:{tmp_path}/in"},
        microphone={"source": f"file:{tmp_path}/voice.wav"},
        replay={"repeat": True},
        mqtt={"url": mosquitto.url, "observations": True},
        inference={"accelerator": "cpu"},
        fusion={"uncertain_below": 0.15, "dwell_ms": 100},
        health={"interval_s": 0.5},
        log={"level": "DEBUG"},
    )
    places = {
        name: tmp_path / name for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "TMPDIR", "HOME", "XDG_CACHE_HOME")
    }
    for folder in places.values():
        folder.mkdir()
    environment = {**os.environ, **{name: str(folder) for name, folder in places.items()}, "PYTHONUNBUFFERED": "1"}
    service = start("run", "--config", config, env=environment, cwd=places["HOME"])
    subscriber.wait_for(lambda s: s.on("observation/face") and s.on("observation/speech") and s.on("event"), 60)
    service.process.send_signal(signal.SIGTERM)
    assert service.wait(10) == 0, service.log
    archive = tmp_path / "report.tar.gz"
    report = [sys.executable, "-m", "edge", "report", "--config", config, "--out", archive]
    subprocess.run(report, check=True, capture_output=True, timeout=110, env=environment)

    wanted = forms(canary_picture(), canary_sound())
    files = [path for folder in places.values() for path in folder.rglob("*") if path.is_file()]
    assert files  # the outbox and the recorder write: the search has something to search
    found = [line for path in files for line in search(str(path), path.read_bytes(), wanted)]
    for message in subscriber.messages:
        found += search(message.topic, message.payload, wanted)
    found += search("log", service.log.encode(), wanted)
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            found += search(f"report/{member.name}", opened.extractfile(member).read(), wanted)
    assert found == []
    # What is told per observation has no room for more: a picture cannot hide in numbers that are not there.
    assert max(len(message.payload) for message in subscriber.on("observation/face")) < 1000
