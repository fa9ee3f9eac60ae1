"""Saved up, spent, and in the long run a rate."""

from __future__ import annotations

import pytest

from edge.publish.bucket import Bucket


def test_what_was_saved_goes_at_once_then_it_is_the_rate() -> None:
    bucket = Bucket(3, 0.5, 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s(100.0) == 2.0
    assert [bucket.take(now_s) for now_s in (101.9, 102.0, 103.0, 104.0)] == [False, True, False, True]


def test_it_saves_no_more_than_it_holds() -> None:
    bucket = Bucket(2, 1.0, 0.0)
    assert sum(bucket.take(1e6) for _ in range(10)) == 2


@pytest.mark.parametrize("per_s", [0.1, 0.3, 0.75, 7.0])
def test_who_waits_as_long_as_it_says_gets_one(per_s) -> None:
    bucket, now_s = Bucket(1, per_s, 0.0), 12345.678
    for _ in range(1000):
        now_s += bucket.wait_s(now_s)
        assert bucket.take(now_s)
