"""Which files are analysed, in which order, and where their results go."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.analyze.inputs import find_inputs, shard
from edge.errors import ConfigError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_a_folder_gives_its_media_with_all_below_it(tmp_path: Path):
    touch(tmp_path / "b c.MP4", tmp_path / "ä" / "表.wav", tmp_path / "notes.txt", tmp_path / ".hidden.mp4")
    found = find_inputs([tmp_path], tmp_path / "out")
    assert [str(item.folder) for item in found] == ["b c.MP4", "ä/表.wav"]


def test_a_named_file_counts_whatever_its_name(tmp_path: Path):
    touch(tmp_path / "recording.bin")
    (item,) = find_inputs([tmp_path / "recording.bin"], tmp_path / "out")
    assert (str(item.folder), item.is_image) == ("recording.bin", False)


def test_the_same_file_named_twice_is_one_and_equal_names_are_two(tmp_path: Path):
    touch(tmp_path / "a" / "x.mp4", tmp_path / "b" / "X.mp4")
    found = find_inputs([tmp_path / "a", tmp_path / "b", tmp_path / "a" / "x.mp4"], tmp_path / "out")
    assert [str(item.folder) for item in found] == ["x.mp4", "X.mp4 (2)"]


def test_results_are_never_inputs(tmp_path: Path):
    touch(tmp_path / "a.mp4", tmp_path / "out" / "a.mp4" / "annotated.mp4")
    assert len(find_inputs([tmp_path], tmp_path / "out")) == 1


def test_what_is_missing_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"do not exist: .*gone\.mp4"):
        find_inputs([tmp_path / "gone.mp4"], tmp_path / "out")
    with pytest.raises(ConfigError, match="found none"):
        find_inputs([tmp_path], tmp_path / "out")


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_shards_are_a_partition(tmp_path: Path, parts: int):
    touch(*(tmp_path / f"{number}.mp4" for number in range(5)))
    inputs = find_inputs([tmp_path], tmp_path / "out")
    shards = [shard(inputs, part, parts) for part in range(1, parts + 1)]
    assert sorted(str(item.path) for part in shards for item in part) == [str(item.path) for item in inputs]
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
