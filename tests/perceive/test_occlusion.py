"""A mouth behind a mask says nothing; the device has to notice."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from convert.detector_peers import YuNet
from edge.perceive.occlusion import hidden_mouth
from edge.records import Box

LANDMARKS = np.array([[204, 112], [240, 107], [228, 128], [213, 147], [244, 143]], np.float32)
SHARED = Path(__file__).parents[2].parent / "shared"


def masked(colour: tuple[int, int, int]) -> np.ndarray:
    image = astronaut()
    cv2.fillConvexPoly(
        image, np.array([[186, 128], [226, 120], [258, 122], [252, 165], [226, 176], [196, 168]]), colour
    )
    return image


def test_a_smile_is_not_hidden():
    assert hidden_mouth(astronaut(), LANDMARKS) < 0.2


@pytest.mark.parametrize("colour", [(150, 190, 220), (235, 235, 235), (20, 20, 25)])
def test_a_mask_hides_the_mouth(colour):
    assert hidden_mouth(masked(colour), LANDMARKS) > 0.8


def test_without_colours_nothing_is_claimed():
    grey = cv2.cvtColor(cv2.cvtColor(masked((235, 235, 235)), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert hidden_mouth(grey, LANDMARKS) == 0.0


def test_small_faces_and_landmarks_beyond_the_picture():
    assert hidden_mouth(masked((235, 235, 235)), LANDMARKS / 8) == 0.0
    for shift in (-400, 400):
        assert 0 <= hidden_mouth(astronaut(), LANDMARKS + np.float32(shift)) <= 1
    assert 0 <= hidden_mouth(np.full((1, 1, 3), (90, 60, 50), np.uint8), LANDMARKS) <= 1


def test_photos_of_people_with_and_without_masks():
    """Of other sources than those that its numbers were fitted on."""
    photos, model = SHARED / "data" / "photos" / "test", SHARED / "models" / "yunet_n_640_640.onnx"
    if not (photos.is_dir() and model.is_file()):
        pytest.skip("../shared/data/photos or YuNet is not here")
    if not hasattr(cv2, "FaceDetectorYN") or cv2.__version__.startswith("5"):
        pytest.skip("this file of YuNet needs OpenCV 4")
    with (photos / "boxes.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "mask853" and row["ignore"] == "0"]
    yunet = YuNet(model, 640)
    said: dict[str, list[float]] = {"with_mask": [], "without_mask": []}
    for name in sorted({row["file"] for row in rows}):
        image = np.ascontiguousarray(cv2.imread(str(photos / name))[:, :, ::-1])
        found = yunet.detect(image)
        for row in rows:
            box = Box(*(float(row[key]) for key in "xywh"))
            if row["file"] != name or row["label"] not in said or max(box.width, box.height) < 30:
                continue
            near = max(found, key=lambda item: item.box.iou(box), default=None)
            if near is not None and near.box.iou(box) > 0.4 and near.landmarks is not None:
                said[row["label"]].append(hidden_mouth(image, near.landmarks))
    masks, faces = np.array(said["with_mask"]), np.array(said["without_mask"])
    assert min(len(masks), len(faces)) > 50
    # Where there are colours to tell it by: how often a mask looks more hidden than a bare mouth.
    auc = (masks[masks > 0][:, np.newaxis] > faces[faces > 0]).mean()
    assert auc > 0.94
    assert (masks > 0.73).mean() > 0.55  # a tenth of these photos have no colours
    assert (faces > 0.73).mean() < 0.05
