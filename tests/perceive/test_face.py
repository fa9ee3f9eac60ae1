"""From frames to observations of faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from convert.paste_masks import draw_mask
from edge.config import FaceConfig
from edge.perceive.detector import CellDetector
from edge.perceive.face import DetectionSchedule, FacePerception
from edge.perceive.package import find_package, load_package
from edge.records import Box, FaceObservation, Frame


def detector() -> CellDetector:
    return CellDetector(load_package(find_package("face-detector"), "detector"))


@pytest.fixture
def perception(shipped):
    config = FaceConfig(confirm_frames=2, detect_every=1)
    return FacePerception(config, detector(), shipped("face"))


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
        perception = FacePerception(config, detector(), shipped("face"))
        return perception.observe(Frame(image, 0, 0))[0].quality

    dim = cv2.convertScaleAbs(portrait, alpha=0.3)
    assert 0 <= quality(dim) < quality(portrait) <= 1


def test_a_face_is_judged_as_the_model_sees_it_however_near_it_is(shipped, portrait):
    near = cv2.resize(portrait, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC)
    config = FaceConfig(confirm_frames=1, detect_every=1, smallest_px=100)
    perception = FacePerception(config, detector(), shipped("face"))
    far, close = (look(perception, image)[0][0] for image in (portrait, near))
    assert close.box.width > 2 * far.box.width
    assert close.quality / close.detection_score == pytest.approx(far.quality / far.detection_score, abs=0.02)


def test_a_face_seen_too_poorly_is_not_judged_and_the_reason_is_told(shipped, portrait):
    strict = FacePerception(FaceConfig(confirm_frames=1, least_quality=1.0), detector(), shipped("face"))
    observation = strict.observe(Frame(portrait, 0, 0))[0]
    assert observation.abstained
    assert observation.quality == 0
    np.testing.assert_allclose(observation.probabilities, 1 / 7, rtol=1e-6)
    lenient = FacePerception(FaceConfig(confirm_frames=1, least_quality=0.0), detector(), shipped("face"))
    assert lenient.observe(Frame(portrait, 0, 0))[0].abstained == ""


def test_a_mouth_that_is_hidden_counts_soon_but_is_not_looked_at_in_each_frame(shipped, portrait):
    mask = portrait.copy()
    landmarks = detector().detect(portrait)[0].landmarks
    assert draw_mask(mask, landmarks, np.random.default_rng(2))
    config = FaceConfig(confirm_frames=1, detect_every=1, least_quality=0)
    perception = FacePerception(config, detector(), shipped("face"))
    seen = [perception.observe(Frame(image, ms * 1_000_000, ms)) for image, ms in
            ((portrait, 0), (mask, 100), (mask, 400), (portrait, 500), (portrait, 800))]  # fmt: skip
    bare, unseen, masked, remembered, again = (faces[0].quality / faces[0].detection_score for faces in seen)
    assert masked < 0.8 * bare
    assert remembered < 0.8 * bare < unseen
    assert again == pytest.approx(bare, rel=0.05)


def test_between_detections_the_faces_are_followed(shipped, portrait, wall):
    every = FacePerception(FaceConfig(confirm_frames=1, detect_every=3), detector(), shipped("face"))
    seen = look(every, portrait, portrait, portrait, wall, portrait, portrait, portrait, portrait)
    assert [len(observations) for observations in seen] == [1, 1, 1, 0, 0, 0, 1, 1]
    assert {observation.track_id for observations in seen for observation in observations} == {1}


def searched(config: FaceConfig, boxes: list[list[Box]]) -> list[int]:
    """The frames that are searched, where the n-th frame holds these."""
    schedule = DetectionSchedule(config)
    due = []
    for number, held in enumerate(boxes):
        if schedule.due(number * 66_000_000):
            due.append(number)
            schedule.found(held)
    return due


def test_where_nothing_moves_half_as_many_frames_are_searched_once_everybody_is_confirmed():
    still, moved = [Box(50, 50, 80, 80)], [Box(60, 50, 80, 80)]
    frames = [still] * 17 + [moved] * 4 + [[]] * 20
    # The first finding is news; three like it confirm it; the fifth search waits. So again when it moves, and is gone.
    assert searched(FaceConfig(), frames) == [0, 2, 4, 6, 10, 14, 18, 20, 22, 24, 26, 28, 32, 36, 40]
    assert searched(FaceConfig(detect_every=1), frames) == list(range(len(frames)))


def test_where_frames_are_few_a_face_is_looked_for_before_it_counts_as_lost(shipped, portrait, wall):
    """As with too little CPU: one frame a second, and faces looked for in each thirtieth, which is too late."""
    rare = FacePerception(FaceConfig(confirm_frames=1, detect_every=30), detector(), shipped("face"), first_track=77)
    seen = [rare.observe(Frame(image, n * 10**9, n)) for n, image in enumerate((portrait, portrait, wall, portrait))]
    assert [[face.track_id for face in faces] for faces in seen] == [[77], [77], [], [78]]


def test_the_smiling_portrait_looks_happy(perception, portrait):
    """The one emotion that every face model of use sees."""
    observation = look(perception, portrait, portrait)[1][0]
    assert int(observation.probabilities.argmax()) == 3


def test_only_so_many_faces_are_followed(shipped, portrait):
    config = FaceConfig(confirm_frames=1, most_faces=1)
    perception = FacePerception(config, detector(), shipped("face"))
    assert len(perception.observe(Frame(np.hstack([portrait, portrait]), 0, 0))) == 1


@pytest.mark.parametrize(
    "image",
    [np.zeros((0, 0, 3), np.uint8), np.zeros((48, 48), np.uint8), np.zeros((48, 48, 3), np.float32)],
    ids=["0x0", "grey", "float"],
)
def test_what_is_no_frame_is_refused(perception, image):
    with pytest.raises(ValueError, match=r"a frame must be uint8 \[H, W, 3\] with pixels in it, got"):
        perception.observe(Frame(image, 0, 0))
