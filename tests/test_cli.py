"""The command line: what is refused, in which words, with which exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge import __version__
from edge.cli import main
from edge.perceive.package import find_package


def emotion_edge(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_and_version():
    assert emotion_edge("--version").stdout.strip() == f"emotion-edge {__version__}"
    shown = emotion_edge("run", "--help")
    assert (shown.returncode, "Example: emotion-edge run" in shown.stdout) == (0, True)


def test_no_command_is_wrong_usage():
    assert emotion_edge().returncode == 2
    assert emotion_edge("fly").returncode == 2


def test_check_config(tmp_path: Path):
    path = tmp_path / "my.toml"
    path.write_text("[camera]\nfps = 10\n")
    assert emotion_edge("check-config", path).stdout == f"{path}: good\n"
    path.write_text("[camera]\nfps = 1000\n")
    refused = emotion_edge("check-config", path)
    assert (refused.returncode, refused.stderr) == (
        2,
        f"{path}:2: [camera] fps: expected a number from 0.2 to 120, got 1000\n",
    )


def test_check_config_looks_at_the_files_that_are_named(tmp_path: Path):
    path, ca_file = tmp_path / "my.toml", tmp_path / "ca.pem"
    path.write_text(f'[mqtt]\nurl = "mqtts://hub"\nca_file = "{ca_file}"\n')
    missing = emotion_edge("check-config", path)
    assert missing.returncode == 2
    assert missing.stderr.startswith(f"{path}: [mqtt] ca_file: {ca_file}: No such file")
    ca_file.write_text("no certificate")
    wrong = json.loads(emotion_edge("check-config", path, "--json").stdout)
    assert not wrong["good"]
    assert "not a PEM certificate" in wrong["mistakes"][0]


@pytest.fixture
def open_folder():
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_check_config_says_where_it_cannot_tell(open_folder: Path, capsys: pytest.CaptureFixture[str]):
    """As somebody who may not read the service's password."""
    secret = open_folder / "secret"
    secret.mkdir()
    (secret / "password").write_text("s3cret")
    path = open_folder / "my.toml"
    path.write_text(f'[mqtt]\nusername = "pi"\npassword_file = "{secret}/password"\n')
    assert main(["check-config", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: good\n"
    secret.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # nobody
    try:
        assert main(["check-config", str(path)]) == 0
    finally:
        os.seteuid(user)
        secret.chmod(0o700)
    note, good = capsys.readouterr().out.splitlines()
    assert "[mqtt] password_file" in note
    assert "cannot be told from here" in note
    assert good == f"{path}: good"


def test_a_wrong_configuration_ends_the_start_with_2(tmp_path: Path):
    missing = emotion_edge("run", "--config", tmp_path / "none.toml")
    assert missing.returncode == 2
    assert missing.stderr.startswith(f"{tmp_path}/none.toml: cannot be read: No such file")
    path = tmp_path / "my.toml"
    path.write_text('[microphone]\nenabled = false\n[replay]\npace = "fast"\n')
    contradiction = emotion_edge("run", "--config", path)
    assert contradiction.returncode == 2
    assert contradiction.stderr.startswith(f'{path}:4: [replay] pace = "fast" needs a recording for each enabled sense')


@pytest.mark.parametrize("sense", ["face", "speech"])
def test_a_missing_or_damaged_model_ends_the_start_with_1(tmp_path: Path, sense: str):
    config = tmp_path / "my.toml"
    config.write_text(f'[{sense}]\nmodel = "none"\n')
    missing = emotion_edge("run", "--config", config)
    assert missing.returncode == 1
    message = missing.stderr.splitlines()[-1]
    assert message.startswith("model package 'none': expected a folder with model.json, found none")
    package = shutil.copytree(find_package(f"{sense}-emotion"), tmp_path / "package")
    model = bytearray((package / "model.tflite").read_bytes())
    model[len(model) // 2] ^= 1
    (package / "model.tflite").write_bytes(model)
    config.write_text(f'[{sense}]\nmodel = "{package}"\n')
    damaged = emotion_edge("run", "--config", config)
    assert damaged.returncode == 1
    started, *_, message = damaged.stderr.splitlines()
    assert "INFO emotion-edge" in started
    assert message.startswith(f"{package}/model.tflite: damaged: expected sha256")


def test_a_model_of_the_other_sense_is_refused(tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text('[face]\nmodel = "speech-emotion"\n')
    refused = emotion_edge("run", "--config", config)
    assert refused.returncode == 1
    assert "expected a model for the task 'face', got 'speech'" in refused.stderr


def test_the_device_needs_nothing_of_the_workstation():
    """Every module of `edge` but `analyze` (which has an extra of its own), in a fresh interpreter: no heavy import,
    none of `convert`."""
    code = """
import importlib, pkgutil, sys, edge
for module in pkgutil.walk_packages(edge.__path__, "edge."):
    if not module.name.startswith(("edge.__main__", "edge.analyze.")):
        importlib.import_module(module.name)
heavy = {"tensorflow", "keras", "torch", "matplotlib", "skimage", "convert", "amqtt", "pyaudio", "av", "picamera2"}
sys.exit(", ".join(sorted(heavy & set(sys.modules))) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_wheel_carries_models_configuration_and_schemas(tmp_path: Path):
    """`pip install .` without extras needs no compiler (the wheel is pure) and runs from any folder."""
    project = Path(__file__).parents[1]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, project], check=True, timeout=110)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("py3-none-any.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", tmp_path / "site", wheel], check=True, timeout=60)
    code = """
import edge, edge.publish.schemas as schemas
from pathlib import Path
from edge.config import Config
from edge.config_toml import load_config
from edge.service.pipeline import build_pipeline
assert Path(edge.__file__).parts[-3] == "site", edge.__file__
assert len(build_pipeline(Config()).models) == 3
assert load_config(Path(edge.__file__).parent / "_config.toml") == Config()
assert schemas.read("event")["title"]
"""
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", code]
    subprocess.run(command, check=True, timeout=60, cwd=tmp_path, env=environment)
