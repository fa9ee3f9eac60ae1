"""The detector package: letterbox, and what it finds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import ModelError
from edge.perceive.detector import CellDetector, letterbox
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
