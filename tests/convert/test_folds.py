from __future__ import annotations

import numpy as np
import pytest

from convert.folds import HeldOut, fold_figures


def test_each_fold_counts_once_and_is_calibrated_on_the_others():
    rng = np.random.default_rng(0)
    right = HeldOut(np.arange(7), np.eye(7, dtype=np.float32), np.eye(7, dtype=np.float32))
    labels = rng.integers(0, 7, 70)
    guesses = np.eye(7, dtype=np.float32)[(labels + (rng.random(70) < 0.5)) % 7]
    half = HeldOut(labels, guesses, guesses * 30)
    measured = fold_figures([right, half])
    assert measured["int8"]["count"] == 77
    first, second = measured["int8"]["uar_folds"]
    assert first == 1.0
    assert 0.3 < second < 0.7
    assert measured["int8"]["uar_mean"] == pytest.approx((first + second) / 2, abs=1e-4)
    assert measured["int8"]["uar_std"] == pytest.approx((first - second) / 2, abs=1e-4)
    # The first fold is always right: who trusts it about the second is far too sure.
    assert measured["int8"]["ece"] > 0.3
