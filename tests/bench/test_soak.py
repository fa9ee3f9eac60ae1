"""What an hour's soak is judged by; the hour itself is for `python -m bench.reliability soak`."""

from __future__ import annotations

import pytest

from bench.reliability.soak import Sample, grown

#: A minute's sample each, as in docs/reliability.md.
FLAT: list[Sample] = [{"rss": 143e6, "threads": 12, "fds": 18, "cpu": 0.59} for _ in range(60)]


def test_what_stays_as_it_was_is_good():
    wavering = [{**sample, "rss": 143e6 + 1e6 * (n % 3), "cpu": 0.58 + 0.01 * (n % 3)} for n, sample in enumerate(FLAT)]
    assert grown(FLAT) == grown(wavering) == []


@pytest.mark.parametrize(("name", "end"), [("rss", 152e6), ("cpu", 0.66)])
def test_what_creeps_up_is_told(name, end):
    begin = FLAT[0][name]
    creeping = [{**sample, name: begin + (end - begin) * n / 50} for n, sample in enumerate(FLAT)]
    (said,) = grown(creeping)
    assert name.upper() in said


@pytest.mark.parametrize("name", ["threads", "fds"])
def test_one_more_for_a_while_is_too_many(name):
    once = [{**sample, name: sample[name] + (n == 30)} for n, sample in enumerate(FLAT)]
    assert grown(once) == [f"{name} grew from {FLAT[0][name]} to {FLAT[0][name] + 1}"]
