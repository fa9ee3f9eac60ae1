"""Photos, boxes and landmarks as their pack has them."""

from __future__ import annotations

import numpy as np
import pytest

from convert.datasets.photos import background_photos, boxed_photos, faceless_photos, held_out, training_photos
from convert.datasets.photos import test_photos as photos_to_test
from edge.errors import ConfigError


def test_training_photos_are_split_by_name_and_their_doubtful_boxes_ignored(small_photos):
    every = training_photos(small_photos, "all")
    train, kept = training_photos(small_photos), training_photos(small_photos, "held_out")
    assert {photo.path for photo in every} == {photo.path for photo in train} | {photo.path for photo in kept}
    assert all(held_out(photo.path.name) for photo in kept)
    photo = train[0]
    assert photo.ignored.tolist() == [False, True]
    assert photo.landmarks.shape == (2, 5, 2)
    assert np.isnan(photo.landmarks[1]).all()
    assert photo.landmarks[0, 1, 0] > photo.landmarks[0, 0, 0]
    assert photo.read().shape == (320, 320, 3)


def test_other_labels_are_of_the_same_photos(small_photos, tmp_path):
    kept = (small_photos / "train" / "labels.csv").read_text().splitlines()[:3]
    (tmp_path / "labels.csv").write_text("\n".join(kept) + "\n")
    (tmp_path / "labels_low.csv").write_text("file,x,y,w,h\n")
    photos = training_photos(small_photos, "all", tmp_path)
    assert [photo.path for photo in photos] == [small_photos / "train" / f"photo_00{number}.png" for number in (0, 1)]
    assert [photo.ignored.tolist() for photo in photos] == [[False], [False]]


def test_coordinates_are_scaled_together(small_photos):
    photo = training_photos(small_photos)[0]
    half = photo.scaled(0.5)
    np.testing.assert_allclose(half.boxes, photo.boxes / 2)
    np.testing.assert_allclose(half.landmarks[0], photo.landmarks[0] / 2)


def test_test_photos_and_pictures_without_a_face(small_photos):
    first, second = photos_to_test(small_photos)
    assert (first.ignored.tolist(), second.ignored.tolist()) == ([False, True], [False])
    assert len(boxed_photos(small_photos / "test")) == 2
    backgrounds, hard = background_photos(small_photos)
    assert [len(photo.boxes) for photo in (*backgrounds, *hard)] == [0, 0, 0, 0]


def test_a_missing_pack_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"labels\.csv: cannot be read"):
        training_photos(tmp_path)
    with pytest.raises(ConfigError, match="expected a folder of pictures"):
        faceless_photos(tmp_path)
    (tmp_path / "no.png").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="expected a picture"):
        faceless_photos(tmp_path)[0].read()
