from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge.config import Config
from edge.config_files import unreadable_files


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
