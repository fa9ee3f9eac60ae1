"""What every face data set can do, on faces whose picture tells which one it is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.datasets.faces import LABELS, FaceData, Faces, has_majority, held_out, majority, read_faces, twins
from edge.errors import ConfigError


def faces_of(labels: list[int], people: list[str] | None = None) -> Faces:
    """A face for each label; the first pixel of the picture counts them."""
    images = np.zeros((len(labels), 4, 4), np.uint8)
    images[:, 0, 0] = range(len(labels))
    groups = None if people is None else np.array(people)
    return Faces(images, np.array(labels, np.int64), np.zeros((len(labels), len(LABELS)), np.float32), groups)


def which(faces: Faces) -> list[int]:
    return faces.images[:, 0, 0].tolist()


def test_chosen_faces_keep_their_own_label_votes_and_person() -> None:
    faces = faces_of([3, 1, 4, 1], ["a", "b", "c", "d"])
    faces.votes[2, 5] = 1
    for chosen in (np.array([False, False, True, True]), np.array([2, 3])):
        some = faces.only(chosen)
        assert (which(some), some.labels.tolist(), some.groups.tolist()) == ([2, 3], [4, 1], ["c", "d"])
        assert some.votes[:, 5].tolist() == [1, 0]
        assert len(some) == 2


def test_without_contempt_it_is_missing_from_every_split() -> None:
    contempt = LABELS.index("contempt")
    splits = {"chosen on": faces_of([contempt, 0]), "test": faces_of([1, contempt, contempt])}
    data = FaceData("made-up", faces_of([0, contempt, 6]), "chosen on", splits).with_classes(7)
    assert data.train.labels.tolist() == [0, 6]
    assert {name: which(faces) for name, faces in data.splits.items()} == {"chosen on": [1], "test": [0]}
    assert (data.source, data.chosen_on) == ("made-up", "chosen on")


def test_twins_are_identical_to_the_pixel() -> None:
    faces, others = faces_of([0, 1, 2]), faces_of([5, 5])
    others.images[1, 3, 3] = 1  # almost the second
    assert twins(faces, others).tolist() == [True, False, False]


def test_of_each_label_a_share_is_held_out_and_always_the_same() -> None:
    faces = faces_of([0] * 40 + [6] * 10 + [2])
    chosen = held_out(faces, 0.1)
    assert np.bincount(faces.labels[chosen], minlength=8).tolist() == [4, 0, 1, 0, 0, 0, 1, 0]  # at least one
    assert held_out(faces, 0.1).tolist() == chosen.tolist()
    assert held_out(faces, 0.1, seed=8).tolist() != chosen.tolist()


def test_where_persons_are_known_nobody_is_on_both_sides() -> None:
    people = [f"S{number % 10}" for number in range(60)]
    faces = faces_of([number % 7 for number in range(60)], people)
    chosen = held_out(faces, 0.2)
    apart = set(faces.groups[chosen].tolist())
    assert len(apart) == 2
    assert apart.isdisjoint(faces.groups[~chosen].tolist())
    assert chosen.sum() == 12


def test_the_majority_takes_the_place_of_the_label_and_a_tie_is_left_out() -> None:
    faces = faces_of([0, 0, 0, 0], ["a", "b", "c", "d"])
    faces.votes[0, [3, 7]] = 0.6, 0.4
    faces.votes[1, [3, 7]] = 0.5, 0.5
    faces.votes[2, 7] = 1.0  # the last: no vote is known
    assert has_majority(faces).tolist() == [True, False, True, False]
    clear = majority(faces)
    assert (which(clear), clear.labels.tolist(), clear.groups.tolist()) == ([0, 2], [3, 7], ["a", "c"])


@pytest.fixture
def pictures(tmp_path: Path) -> list[tuple[Path, int, str | None]]:
    """Red on the left, blue on the right."""
    image = np.zeros((20, 40, 3), np.uint8)
    image[:, :20, 2] = image[:, 20:, 0] = 200  # of blue, green, red
    for name in ("a", "b"):
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    return [(tmp_path / "a.png", 3, "Ann"), (tmp_path / "b.png", 4, "Bob")]


def test_pictures_are_read_in_the_colours_and_the_size_that_are_asked_for(pictures) -> None:
    faces = read_faces(pictures, 10, 3, "made-up")
    assert faces.images.shape == (2, 10, 10, 3)
    assert faces.images[0, 5, [1, 8]].tolist() == [[200, 0, 0], [0, 0, 200]]
    assert faces.labels.tolist() == [3, 4]
    assert faces.groups.tolist() == ["Ann", "Bob"]
    assert not faces.votes.any()
    grey = read_faces(pictures, 10, 1, "made-up")
    assert grey.images.shape == (2, 10, 10)
    assert grey.images[0, 5, [1, 8]].tolist() == pytest.approx([200 * 0.299, 200 * 0.114], abs=1)


def test_a_crop_is_taken_before_the_size_and_one_unknown_person_leaves_all_unknown(pictures) -> None:
    unknown = [(path, label, None) for path, label, _ in pictures[1:]]
    faces = read_faces([pictures[0], *unknown], 10, 3, "made-up", crop=lambda image, _path: image[:, :20])
    assert faces.images[0, 5, [1, 8]].tolist() == [[200, 0, 0], [200, 0, 0]]
    assert faces.groups is None


def test_nothing_and_what_is_no_picture_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="made-up: expected labelled pictures, found none"):
        read_faces([], 10, 1, "made-up")
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"a\.png: expected a picture"):
        read_faces([(tmp_path / "a.png", 0, None)], 10, 1, "made-up")
