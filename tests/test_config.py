"""The settings tree: every key is shown with its default, and what is live exists."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from edge.config import LIVE, THRESHOLDS, Config
from edge.config_toml import parse_config
from edge.errors import ConfigError

COMMENTED = Path(__file__).parents[1] / "systemd" / "config.toml"


def test_the_commented_configuration_shows_every_key_with_its_default():
    text = COMMENTED.read_text(encoding="utf-8")
    assert parse_config(text) == Config()
    uncommented = re.sub(r"(?m)^# (?=[a-z_]+ = )", "", text)
    assert parse_config(uncommented) == Config()
    shown = {(section, key) for section, key in _keys(uncommented)}
    assert shown == {(s.name, key.name) for s in fields(Config) for key in fields(getattr(Config(), s.name))}


def _keys(text: str):
    section = ""
    for line in text.splitlines():
        if header := re.match(r"\[(\w+)\]", line):
            section = header.group(1)
        elif key := re.match(r"(\w+) = ", line):
            yield section, key.group(1)


def test_the_device_name_can_stand_in_a_topic():
    assert parse_config('[device]\nid = "kitchen-pi"').device.name == "kitchen-pi"
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", Config().device.name)
    with pytest.raises(ConfigError, match="id: expected a text of the form"):
        parse_config('[device]\nid = "a/b"')


def test_everything_live_is_a_key():
    for section, names in LIVE.items():
        assert set(names) <= {key.name for key in fields(getattr(Config(), section))}
    assert set(THRESHOLDS) <= set(LIVE)
