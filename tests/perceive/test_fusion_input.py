from __future__ import annotations

import math

import numpy as np
import pytest

from edge.perceive.fusion_input import FusionInput, fusion_tensor
from edge.records import EMOTIONS, Sensed

SPEC = FusionInput(least_probability=1e-3, fade_ms=2000)
SURE = np.array([0.94, *[0.01] * 6], np.float32)


def test_each_sense_has_its_place_and_a_silent_one_is_all_zeros():
    face = fusion_tensor(Sensed(SURE, 0.5, 0), None, SPEC)
    speech = fusion_tensor(None, Sensed(SURE, 0.5, 0), SPEC)
    assert face.shape == SPEC.shape == (20,)
    np.testing.assert_array_equal(face[:10], speech[10:])
    assert not face[10:].any()
    assert not speech[:10].any()


def test_logits_are_centred_and_quality_and_freshness_follow():
    tensor = fusion_tensor(Sensed(SURE, 0.25, 2000), None, SPEC)
    assert tensor[:7].sum() == pytest.approx(0, abs=1e-5)
    assert tensor[0] - tensor[1] == pytest.approx(math.log(94), abs=1e-4)
    np.testing.assert_allclose(tensor[7:10], [4, 1, 4 / math.e], rtol=1e-6)


def test_what_is_impossible_stays_finite():
    tensor = fusion_tensor(Sensed(np.eye(len(EMOTIONS), dtype=np.float32)[0], 1, -5), None, SPEC)
    assert np.isfinite(tensor).all()
    assert tensor[9] == 4
