"""Which faces are worth judging, and what is told of the others."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from edge.perceive.quality import face_quality, turn
from edge.records import Box

FRAME = (480, 640)
BOX = Box(100, 100, 120, 150)
FRONTAL = np.array([[130, 150], [190, 150], [160, 185], [138, 215], [182, 215]], np.float32)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return cv2.resize(astronaut()[50:190, 160:290], (48, 48), interpolation=cv2.INTER_AREA)


def judge(crop: np.ndarray, box: Box = BOX, landmarks: np.ndarray | None = FRONTAL):
    return face_quality(crop, box, landmarks, FRAME, 48)


def test_a_good_face_is_trusted(face):
    assert judge(face).value > 0.9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda face: (face.astype(int) - 140).clip(0, 255).astype(np.uint8), "too dark"),
        (lambda face: (face.astype(int) + 140).clip(0, 255).astype(np.uint8), "too bright"),
        (lambda face: 110 + face // 24, "too little contrast"),
        (lambda face: cv2.GaussianBlur(face, (0, 0), 5), "blurred"),
    ],
)
def test_what_is_wrong_with_a_picture_is_said(face, change, reason):
    judged = judge(change(face))
    assert judged.value < 0.5 * judge(face).value
    assert judged.worst == reason


def test_small_cut_and_turned_faces(face):
    assert judge(face, Box(100, 100, 10, 12), FRONTAL).worst == "too small"
    assert judge(face, Box(-60, 100, 120, 150), FRONTAL).worst == "cut by the edge of the picture"
    profile = FRONTAL.copy()
    profile[2, 0] = 192
    judged = judge(face, BOX, profile)
    assert (judged.value, judged.worst) == (0.0, "turned away")


def test_a_tilted_head_is_not_turned():
    angle = np.radians(35)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert turn(FRONTAL) == pytest.approx(0, abs=1e-6)
    assert turn((FRONTAL @ rotation.T).astype(np.float32)) == pytest.approx(0, abs=1e-5)
    assert turn(np.zeros((5, 2), np.float32)) > 1


def test_without_landmarks_nothing_is_said_of_the_turn(face):
    assert judge(face, BOX, None).value == pytest.approx(judge(face).value)


def test_a_hidden_mouth_lowers_the_trust(face):
    def hidden(probability: float):
        return face_quality(face, BOX, FRONTAL, FRAME, 48, probability)

    assert hidden(0.4).value == judge(face).value
    assert hidden(0.95).value == pytest.approx(0.1 * judge(face).value)
    assert hidden(0.95).worst == "mouth hidden"
