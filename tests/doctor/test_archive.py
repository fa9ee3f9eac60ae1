"""The archive for a report: what is in it, and what must not be."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from edge.doctor.archive import write_report

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


def test_the_password_beside_the_configuration_is_secret_too(tmp_path, monkeypatch):
    """Also of a configuration that has mistakes and names no user."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "config.toml").write_text("[camera]\nfps = 0  # hunter2hunter2\n")
    (tmp_path / "mqtt-password").write_text("hunter2hunter2\n")
    write_report(tmp_path / "config.toml", tmp_path / "report.tar.gz")
    parts = texts(tmp_path / "report.tar.gz")
    assert "fps = 0  # (hidden)" in parts["config.toml"]
    assert not [name for name, text in parts.items() if "hunter2" in text]


def test_what_this_user_may_not_read_is_told_of_and_the_rest_is_there(monkeypatch):
    """As a person without root: systemd keeps a dynamic user's folders for itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "closed").mkdir()
        (folder / "closed/flight.json").write_text("[]")
        (folder / "config.toml").write_text("[camera]\nfps = 0\n")
        monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder / "closed"))
        (folder / "closed").chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # nobody
        try:
            names = write_report(folder / "config.toml", folder / "report.tar.gz")
        finally:
            os.seteuid(user)
            (folder / "closed").chmod(0o700)
        parts = texts(folder / "report.tar.gz")
        assert list(parts) == names
        assert "use sudo" in parts["closed-flight.json"]
        assert "fps = 0" in parts["config.toml"]
        assert {"journal.txt", "unit.txt", "system.txt"} <= set(parts)
