from __future__ import annotations

import numpy as np

from convert.augment_faces import augment_face


def _halves() -> np.ndarray:
    """Dark left, bright right."""
    image = np.full((48, 48), 60, np.uint8)
    image[:, 24:] = 190
    return image


def test_same_random_numbers_same_face_and_the_original_stays():
    image = _halves()
    first = augment_face(image, np.random.default_rng(5))
    assert np.array_equal(first, augment_face(image, np.random.default_rng(5)))
    assert not np.array_equal(first, augment_face(image, np.random.default_rng(6)))
    assert first.dtype == np.uint8
    assert first.shape == image.shape
    assert np.array_equal(image, _halves())


def test_half_are_mirrored_and_all_stay_recognisable():
    rng = np.random.default_rng(0)
    changed = [augment_face(_halves(), rng).astype(float) for _ in range(400)]
    steps = np.array([image[:, 34:].mean() - image[:, :14].mean() for image in changed])
    mirrored = (steps < 0).mean()
    assert 0.4 < mirrored < 0.6
    assert (np.abs(steps) > 20).mean() > 0.95
