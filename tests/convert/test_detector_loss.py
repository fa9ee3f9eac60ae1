"""What the detector is punished for."""

from __future__ import annotations

import numpy as np
import pytest

from convert.architectures.detector import pyramid
from convert.augment_photos import MOST_FACES, TARGET
from edge.perceive.cells import cells

SIZE = (64, 64)
FACE = (16.0, 12.0, 40.0, 44.0)
POINTS = (22.0, 22.0, 34.0, 22.0, 28.0, 28.0, 23.0, 36.0, 33.0, 36.0)


@pytest.fixture(scope="module")
def loss():
    from convert.detector_loss import detector_loss

    def measure(faces: np.ndarray, score: np.ndarray, box: np.ndarray, landmarks: np.ndarray) -> float:
        answers = {"score": score[None, :, None], "box": box[None], "landmarks": landmarks[None]}
        return float(detector_loss(SIZE, faces[None], {k: v.astype(np.float32) for k, v in answers.items()}))

    return measure


def faces(kind: float = 1) -> np.ndarray:
    rows = np.full((MOST_FACES, TARGET), -1, np.float32)
    rows[0] = [*FACE, *POINTS, 1, kind]
    return rows


def perfect() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every cell answers with the one face; those whose centres lie near its middle are sure of it."""
    centres, strides = cells(*SIZE)
    middle = np.array([(FACE[0] + FACE[2]) / 2, (FACE[1] + FACE[3]) / 2])
    size = np.array([FACE[2] - FACE[0], FACE[3] - FACE[1]])
    box = np.concatenate([(middle - centres) / strides, np.log(size / strides)], axis=1)
    landmarks = (np.array(POINTS) - np.tile(centres, 5)) / strides
    near = (np.abs(centres - middle) < size / 2).all(axis=1)
    return np.where(near, 6.0, -6.0), box, landmarks


def test_right_answers_cost_little_and_each_mistake_more(loss):
    score, box, landmarks = perfect()
    right = loss(faces(), score, box, landmarks)
    assert right < 0.6
    assert loss(faces(), score, box + 0.7, landmarks) > right + 0.3
    assert loss(faces(), score, box, landmarks + 1) > right + 0.3
    assert loss(faces(), -score, box, landmarks) > right + 1
    assert loss(faces(), np.full_like(score, 6.0), box, landmarks) > right + 1


def test_what_is_ignored_is_not_punished(loss):
    score, box, landmarks = perfect()
    inside = loss(faces(kind=0), score, box, landmarks)
    assert inside < 0.05
    nobody = np.full((MOST_FACES, TARGET), -1, np.float32)
    assert loss(nobody, score, box, landmarks) > inside + 1


def test_the_graph_that_trains_gives_the_cells_that_the_device_decodes():
    assert pyramid((96, 64, 3)).output["landmarks"].shape == (None, len(cells(96, 64)[0]), 10)
