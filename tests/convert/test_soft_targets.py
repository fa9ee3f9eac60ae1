from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.datasets.faces import LABELS, Faces
from convert.soft_targets import soft_targets, teacher_probabilities, view_teachers
from edge.errors import ConfigError
from edge.perceive.package import find_package


def _faces(count: int = 400, doubt: float = 0.3) -> Faces:
    """Annotators are sure of three in four faces; of the others each label is as likely as the votes say."""
    rng = np.random.default_rng(1)
    shares = np.where(rng.random(count) < 0.75, 1.0, 1 - doubt)
    votes = np.zeros((count, len(LABELS)), np.float32)
    votes[:, 3], votes[:, 6] = shares, 1 - shares
    labels = np.where(rng.random(count) < shares, 3, 6)
    return Faces(np.zeros((count, 48, 48), np.uint8), labels, votes)


def test_votes_become_probabilities_of_the_data_sets_own_label(tmp_path: Path):
    faces = _faces()
    soft = soft_targets(faces, (), 7, tmp_path / "log")
    assert soft is not None
    np.testing.assert_allclose(soft.sum(axis=1), 1, rtol=1e-5)
    sure = faces.votes[:, 3] == 1
    assert soft[sure, 3].min() > 0.95
    assert abs(soft[~sure, 6].mean() - (faces.labels[~sure] == 6).mean()) < 0.03


def test_without_votes_and_teachers_there_is_nothing_to_learn_from(tmp_path: Path):
    faces = _faces()
    unknown = Faces(faces.images, faces.labels, np.zeros_like(faces.votes))
    assert soft_targets(unknown, (), 7, tmp_path / "log") is None


def test_a_teacher_says_the_same_of_a_face_and_its_mirror_image(tmp_path: Path):
    images = np.random.default_rng(2).integers(0, 256, (3, 48, 48)).astype(np.uint8)
    votes = np.zeros((3, len(LABELS)), np.float32)
    both = [
        teacher_probabilities(find_package("face-emotion"), Faces(seen, np.zeros(3, np.int64), votes), tmp_path)
        for seen in (images, np.ascontiguousarray(images[:, :, ::-1]))
    ]
    np.testing.assert_allclose(both[0], both[1], atol=1e-6)
    np.testing.assert_allclose(both[0].sum(axis=1), 1, rtol=1e-5)


def test_several_teachers_count_together(tmp_path: Path):
    faces = _faces(60)
    images = np.random.default_rng(5).integers(0, 256, faces.images.shape).astype(np.uint8)
    seen = Faces(images, faces.labels, np.zeros_like(faces.votes))
    packages = [find_package(name) for name in ("face-emotion", "face-emotion-small")]
    one, other, both = (soft_targets(seen, chosen, 7, tmp_path) for chosen in (packages[:1], packages[1:], packages))
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-5)
    assert min(np.abs(both - one).max(), np.abs(both - other).max()) > 0.01


def test_teachers_of_views_answer_each_picture_as_it_is_and_the_student_s_labels(tmp_path: Path):
    images = np.random.default_rng(2).integers(0, 256, (2, 48, 48)).astype(np.uint8)
    package = find_package("face-emotion")
    (answer,) = view_teachers([package], 7, tmp_path)
    said, mirrored = answer(images), answer(images[:, :, ::-1])
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-5)
    assert np.abs(said - mirrored).max() > 0.001
    with pytest.raises(ConfigError, match="of 8 labels, got 7"):
        view_teachers([package], 8, tmp_path)
    with pytest.raises(ConfigError, match="expected a --teacher"):
        view_teachers([], 7, tmp_path)
