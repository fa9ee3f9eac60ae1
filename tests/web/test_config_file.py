"""Thresholds into the configuration file: comments kept, nothing written that was not shown."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Config, FaceConfig, FusionConfig, SpeechConfig
from edge.config_toml import load_config
from edge.errors import ConfigError
from edge.web.config_file import Changed, propose, write

SHIPPED = Path(__file__).parents[2] / "systemd" / "config.toml"
IN_FORCE = Config(fusion=FusionConfig(uncertain_below=0.55, dwell_ms=900), speech=SpeechConfig(quiet_dbfs=-48.0))


def test_the_shipped_file_gets_its_comments_turned_into_lines(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_text(SHIPPED.read_text())
    path.chmod(0o640)
    proposal = propose(path, IN_FORCE)
    changed = [line for line in proposal.diff.splitlines()[2:] if line[0] in "+-"]
    assert [line.split("#")[0].strip() for line in changed if line[0] == "+"] == [
        "+quiet_dbfs = -48.0",
        "+uncertain_below = 0.55",
        "+dwell_ms = 900",
    ]
    assert path.read_text() == SHIPPED.read_text()
    write(path, IN_FORCE, proposal.digest)
    assert load_config(path) == IN_FORCE
    assert (path.stat().st_mode & 0o777, [file.name for file in tmp_path.iterdir()]) == (0o640, ["config.toml"])
    assert propose(path, IN_FORCE).diff == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[fusion]\nuncertain_below = 0.3  # mine\n\n[mqtt]\nbase_topic = 'x'\n",
        "fusion = { uncertain_below = 0.3 }\n",
        "fusion.uncertain_below = 0.3\n",
        "[ fusion ]\r\n'uncertain_below' = 0.3\r\n",
        "[camera]\n# uncertain_below = 0.4\n[fusion]",
    ],
)
def test_however_the_file_is_written_it_means_the_same_afterwards(tmp_path: Path, text: str):
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    in_force = replace(load_config(path), fusion=IN_FORCE.fusion, speech=IN_FORCE.speech)
    write(path, in_force, propose(path, in_force).digest)
    assert load_config(path) == in_force
    assert ("# mine" in path.read_text()) == ("# mine" in text)


def test_what_needs_a_restart_or_is_no_threshold_is_left_alone(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_text("[face]\nmodel = 'mine/face'\n[camera]\nfps = 5\n")
    assert propose(path, replace(IN_FORCE, face=FaceConfig(most_faces=2))).text.startswith(
        "[face]\nmodel = 'mine/face'\nmost_faces = 2\n[camera]\nfps = 5\n"
    )


def test_a_password_beside_what_changes_is_not_shown(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_text("[camera]\nsource = 'rtsp://me:secret@10.0.0.7/main'\n")
    in_force = replace(load_config(path), fusion=IN_FORCE.fusion)
    proposal = propose(path, in_force)
    assert "secret" not in proposal.diff
    write(path, in_force, proposal.digest)
    assert load_config(path).camera.source == "rtsp://me:secret@10.0.0.7/main"


def test_nothing_is_written_that_was_not_shown(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_text("# a\n")
    digest = propose(path, IN_FORCE).digest
    with pytest.raises(Changed):
        write(path, Config(fusion=FusionConfig(dwell_ms=1)), digest)
    path.write_text("# b\n")
    with pytest.raises(Changed):
        write(path, IN_FORCE, digest)
    assert path.read_text() == "# b\n"


def test_a_file_that_is_wrong_already_is_left_so(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_text("[fusion]\ndwell_ms = 'long'\n")
    with pytest.raises(ConfigError, match="dwell_ms: expected a whole number"):
        propose(path, IN_FORCE)


def test_in_a_folder_that_is_read_only_the_file_itself_is_written(tmp_path: Path):
    """As under the shipped unit with ReadWritePaths= of this file: it is mounted by itself."""
    path = tmp_path / "config.toml"
    path.write_text("# " + "long " * 500 + "\n")
    mounts = 'mount --bind "$1" "$1" && mount --bind "$1/config.toml" "$1/config.toml" && mount -o remount,bind,ro "$1"'
    code = (
        "import sys; from pathlib import Path; from edge.config import *; from edge.web.config_file import *\n"
        "path, wanted = Path(sys.argv[1]) / 'config.toml', Config(fusion=FusionConfig(dwell_ms=900))\n"
        "write(path, wanted, propose(path, wanted).digest)"
    )
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*inside, mounts, "-", tmp_path], capture_output=True, check=False).returncode:
        pytest.skip("needs to mount: unshare(1) with user namespaces")
    run = [*inside, f'{mounts} && exec "$2" -c "$3" "$1"', "-", tmp_path, sys.executable, code]
    subprocess.run(run, check=True, cwd=Path(__file__).parents[2])
    assert path.read_text().endswith("\n[fusion]\ndwell_ms = 900\n")
    assert load_config(path) == Config(fusion=FusionConfig(dwell_ms=900))


def test_a_file_that_cannot_be_written_is_told_of(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_text("")
    (tmp_path / "config.toml.new").mkdir()
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        write(path, IN_FORCE, propose(path, IN_FORCE).digest)
    assert path.read_text() == ""
