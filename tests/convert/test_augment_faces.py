from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from convert.augment_faces import Augmentation, augment_face

_LEVELS = {"rotate_degrees": 20.0, "brightness": 20.0, "scale": 0.3, "shift": 0.3, "contrast": 0.3}


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


def test_without_any_change_the_face_stays_as_it_is():
    nothing = Augmentation(**{field.name: 0.0 for field in fields(Augmentation)})
    assert np.array_equal(augment_face(_halves(), np.random.default_rng(1), nothing), _halves())


@pytest.mark.parametrize("name", [field.name for field in fields(Augmentation)])
@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 3)])
def test_each_change_alone_changes_grey_and_colour(name: str, shape: tuple[int, ...]):
    only = Augmentation(**{field.name: 0.0 for field in fields(Augmentation)} | {name: _LEVELS.get(name, 1.0)})
    image = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
    changed = augment_face(image, np.random.default_rng(3), only)
    assert changed.shape == shape
    assert not np.array_equal(changed, image)
    if name == "low_light":
        assert changed.mean() < 0.7 * image.mean()
    if name == "blur":
        assert changed.std() < 0.8 * image.std()
