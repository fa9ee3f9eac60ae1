"""Beside the running service: events as they happen, and an end that waits for nobody."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from edge.config import Config, WebConfig
from edge.demo.clip import write_clip
from edge.errors import ConfigError
from edge.web import WebServer


def test_events_arrive_as_on_mqtt_and_the_end_is_quick(tmp_path: Path, mosquitto, subscriber):
    clip = tmp_path / "clip.mkv"
    write_clip(clip, 6, (320, 240))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = tmp_path / "config.toml"
    config.write_text(
        f'[device]\nid = "web"\n[camera]\nsource = "file:{clip}"\n'
        "[microphone]\nenabled = false\n[replay]\nrepeat = true\n"
        f'[mqtt]\nurl = "{mosquitto.url}"\n[web]\nenabled = true\nport = {port}\n[health]\ninterval_s = 0.5\n'
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--config", str(config)], stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        seen = []
        with httpx.stream("GET", f"http://127.0.0.1:{port}/v1/events", timeout=60) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:]))
                if len(seen) == 2:
                    break
            health = httpx.get(f"http://127.0.0.1:{port}/v1/health", timeout=30).json()
            assert health["service"]["camera"]["state"] == "ok"
            running.terminate()  # while somebody looks on
            assert running.wait(20) == 0
        published = subscriber.wait_for(
            lambda heard: len(heard.on("event")) >= seen[1]["sequence"] and heard.on("event")
        )
        by_sequence = {event.json()["sequence"]: event.json() for event in published}
        for event in seen:
            for key in ("id", "type", "subject", "emotion", "probabilities", "time"):
                assert by_sequence[event["sequence"]][key] == event[key]
    finally:
        running.kill()
        running.wait()


def test_a_port_that_is_taken_ends_serve_with_a_reason(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = tmp_path / "web.toml"
        config.write_text(f"[web]\nport = {taken.getsockname()[1]}\n")
        command = [sys.executable, "-m", "edge", "serve", "--config", str(config)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "is the port taken?" in ended.stderr) == (1, True)


def test_a_certificate_that_is_none_is_told_before_the_start(tmp_path: Path):
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"cert_file .*cert\.pem"):
        WebServer(Config(web=WebConfig(cert_file=str(tmp_path / "cert.pem"))))


def test_without_a_model_uploads_are_refused_with_the_reason_until_it_is_there(start, tmp_path: Path, jpeg: bytes):
    server = start(f'[face]\nmodel = "{tmp_path}/mine"')
    with server.client() as client:
        for _ in range(2):
            refused = client.post("/v1/face", content=jpeg, headers={"Content-Type": "image/jpeg"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
            assert f"model package '{tmp_path}/mine': expected a folder with model.json" in refused.text
        assert client.get("/v1/health").json()["status"] == "ok"
        assert client.get("/").status_code == 200
        (tmp_path / "mine").symlink_to(Path(__file__).parents[2] / "models" / "face-emotion")
        assert client.post("/v1/face", content=jpeg, headers={"Content-Type": "image/jpeg"}).status_code == 200
    first, *_ = [line for line in server.log.read_text().splitlines() if "ERROR" in line]
    assert "nothing that is sent can be analysed until this is mended" in first


def test_a_picture_is_looked_at_by_a_device_that_has_no_camera(start, jpeg: bytes):
    server = start("[camera]\nenabled = false")
    with server.client() as client:
        answer = client.post("/v1/face", content=jpeg, headers={"Content-Type": "image/jpeg"})
    assert [max(face["probabilities"], key=face["probabilities"].get) for face in answer.json()["faces"]] == ["happy"]
