from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.analyze.summary import NAME, Summary, made_with, read_summary
from edge.config import Config


def test_what_is_written_is_read_again(tmp_path: Path):
    told = Summary(
        "talk ü.mp4", "talk", length_s=12.0, took_s=3.0, shares={"face": {"happy": 1.0}}, remarks=["no face"]
    )
    told.write(tmp_path)
    assert read_summary(tmp_path) == told
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"file": "a"}', '{"file": "a", "folder": "b", "of_later": 1}'])
def test_what_is_no_summary_counts_as_none(content: str, tmp_path: Path):
    assert read_summary(tmp_path) is None
    (tmp_path / NAME).write_text(content)
    assert read_summary(tmp_path) is None


def test_speed_is_of_real_time_and_a_picture_has_none():
    assert Summary("a", "a", length_s=12.0, took_s=3.0).speed == 4
    assert Summary("a", "a", took_s=3.0).speed == Summary("a", "a").speed == 0


def test_results_are_made_anew_when_something_changes_that_they_depend_on():
    config = Config()
    name = made_with(config, ["aa"], video=True)
    assert made_with(replace(config, mqtt=replace(config.mqtt, url="mqtt://elsewhere")), ["aa"], video=True) == name
    others = [
        made_with(config, ["bb"], video=True),
        made_with(config, ["aa"], video=False),
        made_with(replace(config, face=replace(config.face, detection_score=0.7)), ["aa"], video=True),
        made_with(replace(config, camera=replace(config.camera, enabled=False)), ["aa"], video=True),
        made_with(replace(config, camera=replace(config.camera, fps=5)), ["aa"], video=True),
    ]
    assert len({name, *others}) == 6
    assert json.dumps(name).isascii()
