"""The archive for a report: what is in it, and what must not be."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

SECRETS = ("hunter2hunter2", "camera-word", "token-4711", "device-user")


def texts(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as file:
        return {
            member.name.partition("/")[2]: file.extractfile(member).read().decode()
            for member in file.getmembers()  # type: ignore[union-attr]
        }


def test_the_archive_has_everything_but_secrets(tmp_path):
    (tmp_path / "password").write_text("hunter2hunter2\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/flight.json").write_text(
        '[{"camera": {"reason": "rtsp://ann:camera-word@10.0.0.9/stream?auth=token-4711: no answer"}}]'
    )
    config = tmp_path / "config.toml"
    config.write_text(
        '[camera]\nsource = "rtsp://ann:camera-word@127.0.0.1:9/stream?auth=token-4711"\n'
        "[microphone]\nenabled = false\n"
        f'[mqtt]\nurl = "mqtt://127.0.0.1:9"\nusername = "device-user"\npassword_file = "{tmp_path}/password"\n'
        '# note to self: password = "hunter2hunter2"\n'
    )
    out = tmp_path / "report.tar.gz"
    command = [sys.executable, "-m", "edge", "report", "--config", config, "--out", out]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    environment["RUNTIME_DIRECTORY"] = str(tmp_path / "run")
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=110, env=environment)
    assert str(out) in done.stdout
    assert out.stat().st_mode & 0o777 == 0o600
    parts = texts(out)
    assert {"doctor.json", "config.toml", "run-flight.json", "journal.txt", "unit.txt"} <= set(parts)
    assert "127.0.0.1:9/stream" in parts["config.toml"]
    assert "no answer" in parts["run-flight.json"]
    for secret in SECRETS:
        assert not [name for name, text in parts.items() if secret in text], secret


def test_the_words_of_a_pipeline_are_secret_too(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        '[camera]\nsource = "gstreamer:rtspsrc location=rtsp://10.0.0.9 user-id=bob user-pw=camera-word ! fakesink"\n'
        "[microphone]\nenabled = false\n"
    )
    out = tmp_path / "report.tar.gz"
    command = [sys.executable, "-m", "edge", "report", "--config", config, "--out", out]
    subprocess.run(command, check=True, capture_output=True, timeout=110)
    assert not [name for name, text in texts(out).items() if "camera-word" in text or "user-id=bob" in text]
