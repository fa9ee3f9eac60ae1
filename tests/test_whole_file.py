"""Whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.whole_file import write_whole


def test_a_new_file_takes_the_place_and_the_mode_of_the_old_one(tmp_path: Path):
    path = tmp_path / "a"
    path.write_text("before")
    path.chmod(0o604)
    with path.open() as old:
        write_whole(path, "äfter")
        assert old.read() == "before"
    assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("äfter", 0o604)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_what_was_there_stays_when_it_cannot_be_written(tmp_path: Path):
    path = tmp_path / "a"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(path, "text")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
