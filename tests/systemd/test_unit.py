"""The unit as systemd itself reads it, and as it boots it, in a container."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.demo.clip import write_clip
from tests.systemd.container import add_test_unit, boot, layered

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "emotion-edge.service"
#: The hardest that a service with camera, sound and network can be, by systemd's own count.
MOST_EXPOSURE = 1.2

#: This interpreter, inside the container.
PYTHON = f"/opt/emotion-edge/python/bin/python{sys.version_info.major}.{sys.version_info.minor} -s"

CONFIG = """
[device]
id = "boot"
[camera]
source = "file:/opt/emotion-edge/clip.mkv"
[microphone]
source = "file:/opt/emotion-edge/clip.mkv"
[replay]
repeat = true
[mqtt]
username = "device"
"""


@pytest.fixture(scope="session")
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    return program


def test_systemd_finds_nothing_wrong_with_the_unit(analyze, tmp_path):
    text = UNIT.read_text().replace("/opt/emotion-edge/bin/emotion-edge", sys.executable)  # something that is there
    units = [tmp_path / name for name in ("emotion-edge.service", "emotion-edge@.service")]
    for unit in units:
        unit.write_text(text)
    names = [units[0], tmp_path / "emotion-edge@cabin.service"]
    done = subprocess.run([analyze, "verify", "--man=no", *names], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_little_is_within_reach_of_the_service(analyze):
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", UNIT], check=False, capture_output=True, text=True
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze has no --offline")
    score = re.search(r"Overall exposure level for emotion-edge.service: ([\d.]+)", done.stdout)
    assert score, done.stdout + done.stderr
    assert float(score.group(1)) <= MOST_EXPOSURE, done.stdout


@pytest.fixture(scope="module")
def booted(tmp_path_factory) -> Iterator[dict[str, Any]]:
    """What `inside.py` saw in a container that systemd booted: this machine's files below, a tmpfs above them."""
    if os.geteuid() != 0:
        pytest.skip("booting a container needs root")
    for program, package in (("systemd-nspawn", "systemd-container"), ("mosquitto", "mosquitto")):
        if shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
            pytest.skip(f"{program} is not installed: apt install {package}")
    folder = tmp_path_factory.mktemp("boot")
    results = folder / "results"
    results.mkdir()
    with layered(Path("/"), folder) as root:
        _furnish(root)
        yield _boot(root, results)


def _furnish(root: Path) -> None:
    """The unit as it is installed, and what it starts: this checkout in this Python environment."""
    program = root / "opt/emotion-edge"
    for folder in ("source", "libraries", "python", "bin"):
        (program / folder).mkdir(parents=True, exist_ok=True)
    write_clip(program / "clip.mkv")
    start = program / "bin/emotion-edge"
    start.write_text(
        "#!/bin/sh\nexport PYTHONPATH=/opt/emotion-edge/source:/opt/emotion-edge/libraries\n"
        "export LD_LIBRARY_PATH=/opt/emotion-edge/python/lib\n"
        f'exec {PYTHON} /opt/emotion-edge/source/tests/systemd/hanging.py "$@"\n'
    )
    start.chmod(0o755)
    units = root / "etc/systemd/system"
    for name in ("emotion-edge.service", "emotion-edge@.service"):
        shutil.copy(UNIT, units / name)
        (units / f"{name}.d").mkdir(exist_ok=True)
        (units / f"{name}.d/quick.conf").write_text("[Service]\nWatchdogSec=4\nRestartSec=0.2\n")
    for name in ("emotion-edge", "emotion-edge@cabin"):
        (root / "etc" / name).mkdir(exist_ok=True)
        (root / "etc" / name / "config.toml").write_text(CONFIG.replace("boot", "boot" if "@" not in name else "cabin"))
        password = root / "etc" / name / "mqtt-password"
        password.write_text("correct horse battery staple\n")
        password.chmod(0o600)
    add_test_unit(
        root,
        f"{PYTHON} /opt/emotion-edge/source/tests/systemd/inside.py /results",
        "PYTHONPATH=/opt/emotion-edge/libraries LD_LIBRARY_PATH=/opt/emotion-edge/python/lib",
    )


def _boot(root: Path, results: Path) -> dict[str, Any]:
    done = boot(
        root,
        "--private-network",
        f"--bind={results}:/results",
        # Bound to places that a user of no rights may enter: what they come from may be somebody's home.
        f"--bind-ro={ROOT}:/opt/emotion-edge/source",
        f"--bind-ro={sysconfig.get_path('platlib')}:/opt/emotion-edge/libraries",
        f"--bind-ro={sys.base_prefix}:/opt/emotion-edge/python",
    )
    file = results / "results.json"
    if not file.exists():
        if "emotion-test" not in done.stdout:
            pytest.skip(f"systemd does not boot in a container here: {(done.stderr or done.stdout)[-300:]}")
        pytest.fail(f"the container gave no result:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
    seen = json.loads(file.read_text())
    assert "error" not in seen, seen
    return seen


def test_it_says_when_it_is_ready(booted):
    assert (booted["start"], booted["active"]) == (0, "active"), booted["journal"]
    assert "camera" in booted["status_text"]


def test_the_password_reaches_the_broker_and_not_the_environment(booted):
    assert booted["let in by the broker"], booted["journal"]
    assert not booted["password in environment"]
    assert "CREDENTIALS_DIRECTORY=/run/credentials/emotion-edge.service" in booted["environment"]


def test_the_doctor_is_let_in_by_the_same_password(booted):
    assert booted["doctor"]["broker"]["state"] == "good", booted["doctor"]["broker"]


def test_it_is_nobody_and_leaves_no_core(booted):
    assert booted["user"] >= 61184  # of systemd's dynamic users
    assert booted["core limit"] == ["0", "0"]
    assert set(booted["state"]) <= {"outbox.sqlite", "outbox.sqlite-shm", "outbox.sqlite-wal", "remembered.json"}
    assert set(booted["state"].values()) <= {"0o100600"}


def test_it_reads_its_configuration_again(booted):
    assert (booted["reload"], booted["reload told"]) == (0, True), booted["journal"]


def test_a_stage_that_hangs_is_told_of_and_the_service_started_again(booted):
    assert booted["started again"], booted["journal"]
    assert booted["another process"]
    assert booted["back at the broker"]
    assert "watchdog: see stands still" in booted["journal"]
    assert "Watchdog timeout" in booted["journal"]
    assert "hanging.py" in booted["journal"]  # where the thread stood, by faulthandler


def test_it_stops_in_order(booted):
    assert (booted["stop"], booted["result"], booted["exit"]) == (0, "success", "0"), booted["journal"]
    assert booted["stopped_s"] < 10  # TimeoutStopSec: later it would have been killed
    assert booted["goodbye"]


def test_another_place_is_another_instance(booted):
    assert booted["start of another place"] == 0, booted["journal"]
    assert booted["places"] == ["emotion-edge", "emotion-edge@cabin"]
