from __future__ import annotations

import numpy as np
import pytest

from convert.calibrate import fit_temperature
from edge.perceive.runtime import softmax


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_spoiled_the_logits_is_found(temperature: float):
    rng = np.random.default_rng(3)
    true = rng.standard_normal((8000, 7)).astype(np.float32) * 2
    probabilities = softmax(true)
    labels = np.array([rng.choice(7, p=row / row.sum()) for row in probabilities.astype(np.float64)])
    assert fit_temperature(true * temperature, labels) == pytest.approx(temperature, rel=0.06)


def test_it_stays_within_what_a_package_may_hold():
    certain = np.eye(7, dtype=np.float32) * 100
    assert fit_temperature(certain, np.arange(7)) >= 0.05
    assert fit_temperature(certain, (np.arange(7) + 1) % 7) <= 20
