"""Measuring a model, here and over ssh: a real sshd on loopback, with keys made for it."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from convert.cli import main
from edge.perceive.package import find_package

FACE = str(find_package("face-emotion"))
QUICK = ["--seconds", "0.05", "--accelerators", "cpu,npu", "--threads", "1,2", "--delegate", "/none"]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Host and ssh command for an ssh server that lets in one key, made now."""
    server, keygen = shutil.which("sshd", path="/usr/sbin:/usr/bin"), shutil.which("ssh-keygen")
    if server is None or keygen is None or shutil.which("ssh") is None:
        pytest.skip("needs an ssh server: apt-get install openssh-server")
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(exist_ok=True)  # for the separation of privileges
    settings = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {tmp_path}/host",
        f"AuthorizedKeysFile {tmp_path}/user.pub",
        "PidFile none",
        "StrictModes no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "UsePAM no",
    ]
    (tmp_path / "sshd_config").write_text("\n".join(settings) + "\n")
    process = subprocess.Popen([server, "-D", "-e", "-f", tmp_path / "sshd_config"], stderr=subprocess.DEVNULL)
    known = f"-o StrictHostKeyChecking=no -o UserKnownHostsFile={tmp_path}/known"
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    yield f"{getpass.getuser()}@127.0.0.1", f"ssh -p {port} -i {tmp_path}/user -o IdentitiesOnly=yes {known}"
    process.terminate()
    process.wait(10)


def test_here_every_row_has_figures_or_says_why_not(capsys):
    assert main(["bench", FACE, *QUICK, "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    one, two, npu = told["rows"]
    assert (one["accelerator"], one["threads"], two["threads"]) == ("cpu", 1, 2)
    assert 0 < one["p50_ms"] <= one["p95_ms"] < one["first_ms"]
    assert one["grown_bytes"] > 100_000
    assert one["share_of_frame"] == pytest.approx(one["p50_ms"] * 15 / 1000, abs=1e-4)
    assert "no libLiteRtDispatch" in npu["error"]
    assert told["machine"]["cores"] >= 1


def test_over_ssh_the_device_measures(sshd, tmp_path, capsys):
    host, ssh = sshd
    python = tmp_path / "python"  # with this source tree, not an installed one
    python.write_text(f'#!/bin/sh\nPYTHONPATH={Path(__file__).parents[2]} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    command = ["bench", FACE, "--host", host, "--ssh", ssh, "--python", str(python), *QUICK]
    assert main(command) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("face-emotion on ")
    assert [line.split()[:2] for line in shown[2:5]] == [["cpu", "1"], ["cpu", "2"], ["npu", "1"]]


def test_a_host_that_cannot_be_used_is_one_message(sshd, capsys):
    host, ssh = sshd
    assert main(["bench", FACE, "--host", host, "--ssh", ssh, "--python", "/none/python", *QUICK]) == 1
    error = capsys.readouterr().err
    assert "/none/python" in error
    assert len(error.strip().splitlines()) == 1
    assert main(["bench", FACE, "--accelerators", "tpu"]) == 1
    assert "--accelerators: expected some of cpu, gpu, npu, external" in capsys.readouterr().err
