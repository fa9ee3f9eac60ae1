"""What lies in a folder is recognised by its layout, or all known layouts are named."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.datasets.layout import load_faces
from edge.errors import ConfigError
from edge.records import EMOTIONS


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder for each emotion, twenty faces in each."""
    rng = np.random.default_rng(5)
    for emotion in EMOTIONS:
        (tmp_path / emotion).mkdir()
        for number in range(20):
            cv2.imwrite(str(tmp_path / emotion / f"{number}.png"), rng.integers(0, 255, (30, 30), np.uint8))
    return tmp_path


def test_a_folder_for_each_emotion_is_read_at_the_size_that_is_asked_for(tree: Path):
    data = load_faces(tree, size=40, channels=3)
    assert data.train.images.shape[1:] == (40, 40, 3)
    assert sum(len(faces) for faces in (data.train, *data.splits.values())) == 20 * len(EMOTIONS)


def test_votes_are_asked_for_where_there_are_none(tree: Path):
    with pytest.raises(ConfigError, match=r"only FER2013 has FER\+ labels"):
        load_faces(tree, labels="ferplus")
    with pytest.raises(ConfigError, match="expected fer or ferplus, got 'votes'"):
        load_faces(tree, labels="votes")


@pytest.mark.parametrize("inside", [(), ("holiday.jpg",), ("notes.txt", "backup/x.bin")])
def test_what_is_no_data_set_names_all_that_would_be_one(tmp_path: Path, inside: tuple[str, ...]):
    for name in inside:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"expected FER2013 .* RAF-DB .* AffectNet .* or a folder for each emotion"):
        load_faces(tmp_path)
