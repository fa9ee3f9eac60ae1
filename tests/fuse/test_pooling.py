"""Properties of the arithmetic of fusion."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.fuse.pooling import POOLS, agreement, faded, linear_pool, log_linear_pool, max_pool, valence_arousal
from edge.records import EMOTIONS


def one_hot(emotion: str) -> np.ndarray:
    return np.eye(len(EMOTIONS), dtype=np.float32)[EMOTIONS.index(emotion)]


@st.composite
def distributions(draw):
    raw = draw(st.lists(st.floats(0, 1, width=32), min_size=7, max_size=7).filter(lambda x: sum(x) > 0.01))
    return (np.array(raw) / sum(raw)).astype(np.float32)


weights = st.floats(0.01, 1)


@given(distributions(), distributions(), weights, weights, st.floats(0, 1))
def test_a_pool_is_a_distribution_and_the_order_of_senses_does_not_matter(p, q, v, w, trust):
    pooled = log_linear_pool([p, q], [v, w], trust)
    assert pooled.sum() == pytest.approx(1)
    assert (pooled >= 0).all()
    np.testing.assert_allclose(pooled, log_linear_pool([q, p], [w, v], trust), atol=1e-12)


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
@settings(deadline=None)
@given(p=distributions(), q=distributions(), v=weights, w=weights, trust=st.floats(0, 1))
def test_every_rule_gives_a_distribution_and_flattens_with_less_trust(pool, p, q, v, w, trust):
    pooled = pool([p, q], [v, w], trust)
    assert pooled.sum() == pytest.approx(1)
    assert (pooled >= 0).all()
    np.testing.assert_allclose(pool([p, q], [v, w], 0.0), np.full(7, 1 / 7))
    np.testing.assert_allclose(pool([p, q], [0, 0], 1.0), np.full(7, 1 / 7))
    np.testing.assert_allclose(pool([p], [w], 1.0), p, atol=1e-3)


def test_average_and_max_are_what_their_names_say():
    p, q = one_hot("happy"), np.full(7, 1 / 7, np.float32)
    np.testing.assert_allclose(linear_pool([p, q], [3, 1], 1.0)[EMOTIONS.index("happy")], 0.75 + 0.25 / 7, rtol=1e-6)
    surest = max_pool([p, one_hot("sad")], [0.7, 0.3], 1.0)
    assert surest[EMOTIONS.index("happy")] == pytest.approx(0.7)
    assert surest[EMOTIONS.index("sad")] == pytest.approx(0.3)


@given(distributions(), weights)
def test_one_fully_trusted_sense_is_passed_on(p, w):
    np.testing.assert_allclose(log_linear_pool([p], [w], 1.0), p, atol=1e-3)


@given(distributions(), weights, weights)
def test_two_senses_that_say_the_same_say_it_together(p, v, w):
    np.testing.assert_allclose(log_linear_pool([p, p], [v, w], 1.0), p, atol=1e-3)


@given(distributions(), st.floats(0, 1), st.floats(0, 1))
def test_less_trust_is_never_surer(p, a, b):
    low, high = sorted((a, b))
    assert log_linear_pool([p], [1], low).max() <= log_linear_pool([p], [1], high).max() + 1e-9


@given(distributions(), distributions())
def test_the_weight_decides(p, q):
    np.testing.assert_allclose(log_linear_pool([p, q], [1, 0], 1.0), log_linear_pool([p], [1], 1.0), atol=1e-12)


def test_no_weight_at_all_knows_nothing():
    np.testing.assert_allclose(log_linear_pool([one_hot("happy")], [0], 1.0), np.full(7, 1 / 7))


def test_a_sense_that_is_sure_does_not_veto_the_other_for_ever():
    pooled = log_linear_pool([one_hot("happy"), one_hot("sad")], [0.7, 0.3], 1.0)
    assert EMOTIONS[int(pooled.argmax())] == "happy"
    assert pooled[EMOTIONS.index("sad")] > 0.01


@given(distributions(), distributions())
def test_agreement_is_symmetric_and_bounded(p, q):
    assert 0 <= agreement(p, q) <= 1
    assert agreement(p, q) == pytest.approx(agreement(q, p))
    assert agreement(p, p) == pytest.approx(1)


def test_opposite_certainties_agree_in_nothing():
    assert agreement(one_hot("happy"), one_hot("sad")) == 0


@given(distributions())
def test_valence_and_arousal_stay_in_the_square(p):
    assert all(-1 <= value <= 1 for value in valence_arousal(p))


def test_the_corners_of_the_circumplex_are_where_the_source_puts_them():
    assert valence_arousal(one_hot("happy")) == pytest.approx((0.81, 0.51))
    assert valence_arousal(one_hot("sad")) == pytest.approx((-0.63, -0.27))
    assert valence_arousal(one_hot("neutral")) == (0, 0)


def test_what_was_seen_long_ago_counts_less():
    assert faded(0, 500) == faded(-5, 500) == 1
    assert faded(500_000_000, 500) == pytest.approx(math.exp(-1))
