"""The detector package: letterbox, decoding, suppression, and what it finds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import ModelError
from edge.perceive.detector import (
    CellDetector,
    agreement,
    blending,
    cells,
    decode_boxes,
    decode_landmarks,
    letterbox,
    same_face,
    suppressed,
)
from edge.perceive.package import find_package, load_package
from edge.perceive.pictures import picture_tensor
from edge.records import Box

SHIPPED = Path(__file__).parents[2] / "models" / "face-detector"


@pytest.fixture(scope="module")
def detector() -> CellDetector:
    return CellDetector(load_package(SHIPPED, "detector"))


def test_a_face_is_found_where_it_is_with_its_eyes_above_its_mouth(detector, portrait):
    found = max(detector.detect(portrait), key=lambda detection: detection.score)
    assert found.box.iou(Box(205, 70, 190, 240)) > 0.5
    assert detector.threshold <= found.score < 1
    right_eye, left_eye, nose, right_mouth, left_mouth = found.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_two_faces_come_largest_first(detector, portrait):
    both = np.full((480, 960, 3), 96, np.uint8)
    both[:240, :320] = cv2.resize(portrait, (320, 240))
    both[:, 320:] = portrait
    first, second = detector.detect(both)[:2]
    assert first.box.width > 1.5 * second.box.width
    assert first.box.x > 320 > second.box.x


def test_smaller_faces_and_lower_scores_than_wanted_are_left_out(portrait):
    package = load_package(SHIPPED, "detector")
    assert CellDetector(package, smallest_px=400).detect(portrait) == []
    assert CellDetector(package, 0.99).detect(portrait) == []
    assert len(CellDetector(package, 0.1).detect(portrait)) >= 1


@pytest.mark.parametrize("shape", [(480, 640), (20, 20), (1, 1), (2000, 30)])
def test_pictures_without_a_face_of_any_shape(detector, shape):
    assert detector.detect(np.full((*shape, 3), 96, np.uint8)) == []


def test_an_earlier_picture_leaves_nothing_behind(detector, portrait, wall):
    tall = np.full((640, 320, 3), 96, np.uint8)
    detector.detect(portrait)
    assert detector.detect(tall) == []


@pytest.mark.parametrize("name", ["face-detector", "face-detector-far"])
def test_pixels_become_the_models_own_numbers_as_its_scale_says(name, portrait):
    """In the quick way, which the shipped packages are made for, and by the table, which any package may need."""
    detector = CellDetector(load_package(find_package(name), "detector"))
    portrait = portrait[:300]  # with a border
    quick = detector.seen(portrait)
    assert detector._shifted
    detector._shifted, detector._filled, detector._tensor = False, (0, 0), detector._tensor.copy()
    np.testing.assert_array_equal(quick, detector.seen(portrait))
    spec = detector._spec
    picture = np.zeros(spec.shape, np.uint8)
    letterbox(portrait, picture)
    np.testing.assert_allclose(quick, picture_tensor(picture, spec), atol=1e-6)


def test_letterbox_keeps_proportions_and_blackens_the_rest():
    picture = np.full((64, 96, 3), 9, np.uint8)
    filled, scale = letterbox(np.full((100, 100, 3), 200, np.uint8), picture)
    assert (filled, scale) == ((64, 64), 0.64)
    assert (picture[:, :64] == 200).all()
    assert (picture[:, 64:] == 0).all()


def test_cells_are_level_by_level_row_by_row():
    centres, strides = cells(64, 96)
    assert len(centres) == 8 * 12 + 4 * 6 + 2 * 3
    np.testing.assert_array_equal(centres[:2], [[4, 4], [12, 4]])
    np.testing.assert_array_equal(centres[12], [4, 12])
    np.testing.assert_array_equal(centres[96], [8, 8])
    np.testing.assert_array_equal(centres[-1], [80, 48])
    assert strides[[0, 96, -1], 0].tolist() == [8, 16, 32]


def test_decoding_is_in_strides_of_the_cell():
    centres, strides = np.array([[20.0, 12.0]], np.float32), np.array([[8.0]], np.float32)
    box = np.array([[0.5, -0.25, np.log(4), np.log(2)]], np.float32)
    np.testing.assert_allclose(decode_boxes(box, centres, strides), [[8, 2, 40, 18]], atol=1e-4)
    points = decode_landmarks(np.arange(10, dtype=np.float32)[np.newaxis] / 8, centres, strides)
    np.testing.assert_allclose(points[0], [[20, 13], [22, 15], [24, 17], [26, 19], [28, 21]], atol=1e-4)


def test_the_best_box_of_a_face_stays_and_neighbours_do():
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [9, 0, 19, 10]], np.float32)
    assert suppressed(corners, np.array([0.9, 0.8, 0.7, 0.6], np.float32), 0.4).tolist() == [0, 2, 3]
    assert suppressed(corners, np.array([0.6, 0.8, 0.7, 0.9], np.float32), 0.4).tolist() == [3, 1, 2]
    assert suppressed(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.4).tolist() == []


def test_landmarks_are_the_mean_of_the_cells_that_answer_for_the_same_face():
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [4, 0, 14, 10], [50, 50, 60, 60], [0, 1, 10, 11]], np.float32)
    scores = np.array([0.9, 0.6, 0.8, 0.7, 0.4], np.float32)
    kept = np.array([0, 3])
    first, last = blending(scores, same_face(corners, kept), kept)
    # The third overlaps the first by 0.43: it is another's. The fifth is not sure.
    np.testing.assert_allclose(first, [0.6, 0.4, 0, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(last, [0, 0, 0, 1, 0], rtol=1e-5)


def test_a_face_that_many_cells_see_scores_above_one_that_a_single_cell_sees():
    corners = np.array([[0, 0, 10, 10]] * 12 + [[50, 50, 60, 60]], np.float32)
    logits = np.array([2.0] + [1.0] * 11 + [2.0], np.float32)
    kept = np.array([0, 12])
    many, single = agreement(logits, same_face(corners, kept), kept)
    assert many == pytest.approx((2 + (2 + 8 * 1) / 9) / 2)
    # The other eight say as little as outputs from 0 on can that lie 2.5 above what they mean.
    assert single == pytest.approx((2 + (2 - 8 * 2.5) / 9) / 2)
    (alone,) = agreement(logits[:1], np.ones((1, 1), bool), np.array([0]))
    assert alone == single


def test_a_package_whose_model_is_none_of_a_detector_is_refused(tmp_path: Path):
    folder = shutil.copytree(SHIPPED, tmp_path / "package")
    description = json.loads((folder / "model.json").read_text())
    description["input"]["width"] += 32
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(ModelError, match="expected one input of the shape"):
        CellDetector(load_package(folder, "detector"))
    description["input"]["width"] -= 32
    (folder / "model.json").write_text(json.dumps({**description, "threshold": 1.5}))
    with pytest.raises(ModelError, match="threshold: expected a number between 0 and 1"):
        CellDetector(load_package(folder, "detector"))


def test_landmarks_are_in_the_units_that_the_package_says(tmp_path: Path, portrait):
    told = json.loads((SHIPPED / "model.json").read_text())
    found = {}
    for unit in (told["landmark_unit"], None):
        folder = tmp_path / str(unit)
        shutil.copytree(SHIPPED, folder)
        description = {key: value for key, value in told.items() if key != "landmark_unit"}
        (folder / "model.json").write_text(json.dumps(description | ({"landmark_unit": unit} if unit else {})))
        found[unit] = CellDetector(load_package(folder, "detector")).detect(portrait)[0]
    now, before = found.values()
    assert now.box == before.box
    # Packages of before say nothing and mean one cell: the same numbers reach half as far.
    assert np.ptp(now.landmarks, axis=0) == pytest.approx(2 * np.ptp(before.landmarks, axis=0), rel=1e-3)


@pytest.mark.parametrize("unit", [0, "two", True, 16])
def test_a_unit_that_cannot_be_is_refused(tmp_path: Path, unit):
    folder = tmp_path / "package"
    shutil.copytree(SHIPPED, folder)
    told = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(told | {"landmark_unit": unit}))
    with pytest.raises(ModelError, match="landmark_unit: expected a number between 0 and 16"):
        CellDetector(load_package(folder, "detector"))
