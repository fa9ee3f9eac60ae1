"""A source of any rate gives what was asked of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edge.capture.rate import FrameRate

_SECOND_NS = 1_000_000_000


def taken(source_hz: float, fps: float, jitter_ns: int = 0) -> list[int]:
    rate = FrameRate(fps)
    times = [round(n * _SECOND_NS / source_hz) + jitter_ns * (-1) ** n for n in range(round(10 * source_hz))]
    return [time for time in times if rate.takes(time)]


@pytest.mark.parametrize(("source_hz", "fps"), [(25, 15), (30, 15), (24, 15), (60, 15), (29.97, 10), (120, 7)])
def test_of_a_faster_source_so_many_a_second_evenly(source_hz: float, fps: float):
    times = taken(source_hz, fps)
    assert len(times) == pytest.approx(10 * fps, abs=2)
    gaps = [b - a for a, b in pairwise(times)]
    # The slack for jitter lets the second picture come a quarter of the interval early.
    assert max(gaps) - min(gaps) <= _SECOND_NS / source_hz + _SECOND_NS / fps / 4


@pytest.mark.parametrize("fps", [15, 30, 120])
def test_of_a_source_that_has_no_more_all_in_spite_of_jitter(fps: float):
    assert len(taken(15, fps, jitter_ns=4_000_000)) == 150


def test_after_a_pause_it_does_not_make_up_for_what_was_missed():
    rate = FrameRate(10)
    assert rate.takes(0)
    assert [rate.takes(5 * _SECOND_NS + n * 20_000_000) for n in range(11)].count(True) <= 4
