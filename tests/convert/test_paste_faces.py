"""Pasted faces lie in their boxes, beside each other, at every size that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from convert.paste_faces import paste_faces

WHITE = np.full((3, 48, 48), 255, np.uint8)


@pytest.mark.parametrize("shape", [(200, 160, 3), (40, 90, 3), (17, 17, 3)])
def test_what_is_changed_is_a_face_and_every_face_is_seen(shape):
    sides = []
    for seed in range(40):
        image = np.full(shape, 90, np.uint8)
        corners = paste_faces(image, WHITE, np.random.default_rng(seed), 16.0)
        changed = (image != 90).any(axis=2)
        assert len(corners) >= 1
        assert (corners >= 0).all()
        assert (corners <= [shape[1], shape[0], shape[1], shape[0]]).all()
        boxes = corners.round().astype(int)
        assert all(changed[(top + bottom) // 2, (left + right) // 2] for left, top, right, bottom in boxes)
        for left, top, right, bottom in boxes:
            changed[max(0, top - 4) : bottom + 2, max(0, left - 14) : right + 14] = False
            sides.append(bottom - top)
        assert not changed.any()
    assert min(sides) >= 15
    assert max(sides) <= 0.72 * min(shape[:2]) or min(shape[:2]) < 25


def test_no_room_is_no_face():
    image = np.full((8, 30, 3), 90, np.uint8)
    assert paste_faces(image, WHITE, np.random.default_rng(0), 16.0).shape == (0, 4)
    assert (image == 90).all()
