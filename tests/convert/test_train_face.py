from __future__ import annotations

import numpy as np

from convert.datasets.fer2013 import Faces
from convert.train_face import targets, tensors


def test_targets_mix_the_votes_where_they_are_known():
    votes = np.zeros((2, 7), np.float32)
    votes[0, [0, 6]] = 0.5
    mixed = targets(Faces(np.zeros((2, 48, 48), np.uint8), np.array([0, 3]), votes))
    np.testing.assert_allclose(mixed[0], [0.7 + 0.15, 0, 0, 0, 0, 0, 0.15], rtol=1e-6)
    np.testing.assert_allclose(mixed[1], np.eye(7)[3])


def test_tensors_are_what_the_device_makes_of_a_crop():
    grey = np.arange(48 * 48, dtype=np.uint64).astype(np.uint8).reshape(1, 48, 48)
    (tensor,) = tensors(grey)
    assert tensor.shape == (48, 48, 1)
    np.testing.assert_allclose(tensor[..., 0], grey[0] / 127.5 - 1, atol=1e-5)
