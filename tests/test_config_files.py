from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Config
from edge.config_files import read_config, unreadable_files, with_password_beside


def _naming(path: Path) -> Config:
    config = Config()
    return replace(config, mqtt=replace(config.mqtt, ca_file=str(path)), web=replace(config.web, tokens_file=str(path)))


def test_files_that_are_there_and_those_that_nobody_named_are_not_told(tmp_path: Path):
    (tmp_path / "ca.pem").write_text("certificate")
    assert list(unreadable_files(_naming(tmp_path / "ca.pem"))) == []
    assert list(unreadable_files(Config())) == []


def test_each_missing_file_is_told_with_its_key(tmp_path: Path):
    found = list(unreadable_files(_naming(tmp_path / "none.pem")))
    assert [str(each) for each in found] == [
        f"[mqtt] ca_file: {tmp_path}/none.pem: No such file or directory",
        f"[web] tokens_file: {tmp_path}/none.pem: No such file or directory",
    ]
    assert all(each.certain for each in found)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_only_others_may_read_is_not_certainly_wrong(tmp_path: Path):
    (tmp_path / "password").touch(mode=0o000)
    assert [each.certain for each in unreadable_files(_naming(tmp_path / "password"))] == [False, False]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a password beside it, as the installer lays them down."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "config.toml").write_text('[mqtt]\nusername = "pi"\npassword_file = "/elsewhere"\n')
    (tmp_path / "mqtt-password").write_text("s3cret\n")
    return tmp_path / "config.toml"


def test_a_command_enters_the_broker_by_the_password_that_the_unit_loads(installed: Path):
    """Before `password_file`, as the credential would be."""
    assert read_config(installed).mqtt.password_file == f"{installed.parent}/mqtt-password"


def test_the_folder_of_a_relative_name_is_found(installed: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(installed.parent)
    assert read_config(Path("config.toml")).mqtt.password_file == f"{installed.parent}/mqtt-password"


def test_under_systemd_the_credential_counts(installed: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(installed.parent))
    assert read_config(installed).mqtt.password_file == "/elsewhere"


def test_a_password_that_is_empty_absent_or_no_file_changes_nothing(installed: Path):
    beside = installed.parent / "mqtt-password"
    beside.write_text("")
    assert read_config(installed).mqtt.password_file == "/elsewhere"
    beside.unlink()
    assert read_config(installed).mqtt.password_file == "/elsewhere"
    beside.mkdir()
    assert read_config(installed).mqtt.password_file == "/elsewhere"


def test_a_password_that_this_user_may_not_read_changes_nothing(installed: Path):
    (installed.parent / "mqtt-password").chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # nobody
    try:
        assert with_password_beside(Config(), installed) == Config()
    finally:
        os.seteuid(user)
