"""From frames to observations of faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.config import FaceConfig
from edge.perceive.detector import HaarDetector
from edge.perceive.face import FacePerception
from edge.records import FaceObservation, Frame


@pytest.fixture
def perception(shipped):
    config = FaceConfig(confirm_frames=2)
    return FacePerception(config, HaarDetector(config.smallest_px, config.neighbors), shipped("face"))


def look(perception: FacePerception, *images: np.ndarray) -> list[list[FaceObservation]]:
    return [perception.observe(Frame(image, n * 66_000_000, n)) for n, image in enumerate(images)]


def test_a_face_is_told_of_when_it_is_confirmed_and_keeps_its_id(perception, portrait, wall):
    seen = look(perception, portrait, portrait, wall, portrait)
    assert [len(observations) for observations in seen] == [0, 1, 0, 1]
    first, last = seen[1][0], seen[3][0]
    assert first.track_id == last.track_id
    assert first.captured_ns == 66_000_000
    assert first.probabilities.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(first.probabilities, last.probabilities)


def test_poor_pictures_are_trusted_less(shipped, portrait):
    def quality(image: np.ndarray) -> float:
        config = FaceConfig(confirm_frames=1)
        perception = FacePerception(config, HaarDetector(config.smallest_px, config.neighbors), shipped("face"))
        return perception.observe(Frame(image, 0, 0))[0].quality

    dim = cv2.convertScaleAbs(portrait, alpha=0.12)
    assert 0 < quality(dim) < quality(portrait) <= 1


def test_the_smiling_portrait_looks_happy(perception, portrait):
    """The one emotion that every face model of use sees."""
    observation = look(perception, portrait, portrait)[1][0]
    assert int(observation.probabilities.argmax()) == 3


def test_only_so_many_faces_are_followed(shipped, portrait):
    config = FaceConfig(confirm_frames=1, most_faces=1)
    perception = FacePerception(config, HaarDetector(config.smallest_px, config.neighbors), shipped("face"))
    assert len(perception.observe(Frame(np.hstack([portrait, portrait]), 0, 0))) == 1


@pytest.mark.parametrize(
    "image",
    [np.zeros((0, 0, 3), np.uint8), np.zeros((48, 48), np.uint8), np.zeros((48, 48, 3), np.float32)],
    ids=["0x0", "grey", "float"],
)
def test_what_is_no_frame_is_refused(perception, image):
    with pytest.raises(ValueError, match=r"a frame must be uint8 \[H, W, 3\] with pixels in it, got"):
        perception.observe(Frame(image, 0, 0))
