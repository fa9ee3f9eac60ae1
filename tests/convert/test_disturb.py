from __future__ import annotations

import numpy as np
import pytest

from convert.disturb import DISTURBANCES, disturbed


@pytest.mark.parametrize("name", DISTURBANCES)
@pytest.mark.parametrize("shape", [(3, 48, 48), (3, 64, 64, 3)])
def test_each_change_is_repeatable_and_leaves_a_face_to_see(name: str, shape: tuple[int, ...]):
    rows = np.linspace(40, 220, shape[1])[np.newaxis, :, np.newaxis]
    images = np.broadcast_to(rows[..., np.newaxis] if len(shape) == 4 else rows, shape)
    images = np.clip(images + np.random.default_rng(1).normal(0, 12, shape), 0, 255).astype(np.uint8)
    changed = disturbed(images, name)
    assert changed.shape == shape
    assert changed.dtype == np.uint8
    assert np.array_equal(changed, disturbed(images, name))
    assert not np.array_equal(changed, images)
    assert np.corrcoef(changed.ravel(), images.ravel())[0, 1] > 0.5


def test_a_small_face_has_lost_what_24_pixels_cannot_show():
    fine = np.tile(np.array([[0, 255], [255, 0]], np.uint8), (1, 24, 24)).reshape(1, 48, 48)
    assert disturbed(fine, "24 pixels wide").std() < 2
