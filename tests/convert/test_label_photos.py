"""Labels by a teacher that looks many times."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.cli import main
from convert.datasets.photos import Photo, training_photos
from convert.label_photos import Looks, agreed, label_photos
from edge.errors import ConfigError
from tests.convert.tiny_photos import BOX, POINTS

TEACHER = Path(__file__).parents[2].parent / "shared" / "models" / "yunet_n_dynamic.onnx"
with_teacher = pytest.mark.skipif(
    not TEACHER.is_file() or cv2.__version__ < "5", reason="needs YuNet's file, and OpenCV 5, which reads it"
)
FACE = np.array([100, 100, 40, 50], np.float32)
PLACES = np.array([[110, 115], [130, 115], [120, 125], [112, 138], [128, 138]], np.float32)


def looks(*seen: tuple[float, float] | None) -> Looks:
    """One look for each of `seen`, all at the photo's own scale: the face's shift in pixels and score, or nothing."""
    found = [(number, *each) for number, each in enumerate(seen) if each]
    shifts = np.array([shift for _, shift, _ in found], np.float32)
    return Looks(
        FACE + np.pad(np.repeat(shifts[:, None], 2, axis=1), ((0, 0), (0, 2))),
        PLACES + shifts[:, None, None],
        np.array([score for _, _, score in found], np.float32),
        np.array([number for number, _, _ in found], np.int64),
        np.ones(len(seen)),
    )


def known(ignored: bool | None = None, box: np.ndarray = FACE) -> Photo:
    """A photo in which a face, a doubtful one or none was labelled."""
    count = 0 if ignored is None else 1
    landmarks = np.repeat(PLACES[None], count, axis=0) + 3
    return Photo(Path("photo.png"), np.repeat(box[None], count, axis=0), landmarks, np.full(count, bool(ignored)))


def test_the_mean_of_the_looks_is_the_label_of_a_known_face():
    (label,) = agreed(looks((-4, 0.8), (4, 0.8), (2, 0.8), (-2, 0.8)), known(ignored=False))
    np.testing.assert_allclose(label.box, FACE, atol=1e-3)
    np.testing.assert_allclose(label.landmarks, PLACES, atol=1e-3)
    assert not label.doubtful


def test_sure_looks_count_more():
    (label,) = agreed(looks((4, 0.9), (-4, 0.3)), known(ignored=False))
    np.testing.assert_allclose(label.landmarks, PLACES + 2, atol=1e-3)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([(0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9)], [False]),
        ([(0, 0.9), (1, 0.9), None, None], [True]),
        ([(0, 0.45), (1, 0.45), (2, 0.45), (3, 0.45)], [True]),
        ([(0, 0.3), (1, 0.3), (2, 0.3), (3, 0.3)], []),
        ([(0, 0.9), None, None, None], []),
        ([(0, 0.9), (1, 0.9), (2, 0.9)], []),
        ([None, None, None, None], []),
    ],
)
def test_a_new_face_is_one_that_most_looks_see_and_are_sure_of(seen, expected):
    assert [label.doubtful for label in agreed(looks(*seen), known())] == expected


@pytest.mark.parametrize(("score", "doubtful"), [(0.9, False), (0.3, True)])
def test_a_doubtful_face_becomes_one_where_the_looks_are_sure(score, doubtful):
    (label,) = agreed(looks(*[(0, score)] * 6), known(ignored=True))
    assert label.doubtful == doubtful


def test_what_no_look_sees_stays_as_it_was():
    (label,) = agreed(looks(None, None), known(ignored=False))
    np.testing.assert_array_equal(label.landmarks, PLACES + 3)
    assert not label.doubtful


def test_two_faces_are_not_made_one():
    labels = agreed(looks(*[(0, 0.9)] * 4), known(ignored=False, box=FACE + np.array([60, 0, 0, 0], np.float32)))
    assert sorted(float(label.box[0]) for label in labels) == [100, 160]


@with_teacher
def test_a_real_face_is_labelled_where_it_is(small_photos, tmp_path, capfd):
    out = tmp_path / "labels"
    assert main(["label", "--data", str(small_photos), "--teacher", str(TEACHER), "--out", str(out)]) == 0
    told = capfd.readouterr()
    assert "24 faces in 24 photos (0 more than before), 24 doubtful ones." in told.out
    assert told.err == ""
    for before, photo in zip(
        training_photos(small_photos, "all"), training_photos(small_photos, "all", out), strict=True
    ):
        assert photo.ignored.tolist() == [False, True]
        scale = before.boxes[0, 2] / BOX[2]
        # The points were set by eye.
        assert np.abs(photo.landmarks[0] - np.array(POINTS) * scale).max() < 0.15 * BOX[2] * scale
        assert np.abs(photo.boxes[0] - before.boxes[0]).max() < 0.2 * BOX[3] * scale


@with_teacher
def test_photos_that_nobody_labelled_get_labels(small_photos, tmp_path):
    data = tmp_path / "photos"
    shutil.copytree(small_photos / "train", data / "train")
    for path in (data / "train").glob("*.csv"):
        path.unlink()
    told = label_photos(data, TEACHER, tmp_path / "labels")
    assert told == {"photos": 24, "faces": 24, "doubtful": 0, "new": 24}
    rows = list(csv.DictReader((tmp_path / "labels" / "labels.csv").open()))
    assert len(rows) == 24
    assert all(0.5 < float(row["score"]) <= 1 for row in rows)


def test_a_teacher_that_cannot_be_read_is_named(small_photos, tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"no\.onnx: expected YuNet for pictures of any size"):
        label_photos(small_photos, tmp_path / "no.onnx", tmp_path / "labels")
    assert not (tmp_path / "labels").exists()
