"""Masks drawn for the detector's training."""

from __future__ import annotations

import numpy as np
import pytest

from convert.paste_masks import draw_mask

#: A frontal face of which the eyes are 40 pixels apart.
FACE = np.array([(80, 60), (120, 60), (100, 85), (85, 105), (115, 105)], np.float32)


def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(90, 160, (200, 200, 3), np.uint8)


def changed(landmarks: np.ndarray, seed: int) -> np.ndarray:
    """bool [200, 200]: what a mask has changed by more than a level or two."""
    before = picture()
    after = before.copy()
    assert draw_mask(after, landmarks, np.random.default_rng(seed))
    return (np.abs(after.astype(int) - before) > 2).any(axis=2)


@pytest.mark.parametrize("seed", range(8))
def test_it_hides_nose_and_mouth_and_leaves_the_eyes(seed):
    masked = changed(FACE, seed)
    for x, y in FACE[2:].astype(int):
        assert masked[y - 3 : y + 4, x - 3 : x + 4].mean() > 0.8
    assert not masked[:70].any()
    assert not masked[:, :55].any()
    assert not masked[:, 145:].any()
    assert not masked[155:].any()


def test_it_turns_with_the_head():
    """A picture turned by a right angle is masked where the mask of the upright one comes to lie."""
    turned = np.stack([199 - FACE[:, 1], FACE[:, 0]], axis=1)
    upright, aside = changed(FACE, 3), changed(turned, 3)
    both = (np.rot90(upright, -1) & aside).sum()
    assert both > 0.9 * max(upright.sum(), aside.sum())


def test_masks_differ():
    colours = []
    for seed in range(12):
        image = picture()
        draw_mask(image, FACE, np.random.default_rng(seed))
        colours.append(image[100:110, 90:110].mean(axis=(0, 1)))
    assert np.ptp(np.array(colours), axis=0).min() > 100


@pytest.mark.parametrize("move", [(-110, 0), (110, 0), (0, -110), (0, 110)])
def test_a_face_that_reaches_outside_is_masked_as_far_as_it_is_seen(move):
    masked = changed(FACE + np.array(move, np.float32), 0)
    whole = changed(FACE, 0)
    assert 0 < masked.sum() < whole.sum()


@pytest.mark.parametrize(
    "landmarks",
    [np.full((5, 2), np.nan, np.float32), FACE * np.float32(0.1), FACE + np.float32(500), FACE - np.float32(500)],
    ids=["unknown", "tiny", "below", "above"],
)
def test_no_mask_where_none_can_be_seen(landmarks):
    image = picture()
    assert not draw_mask(image, landmarks, np.random.default_rng(0))
    np.testing.assert_array_equal(image, picture())
