"""The bench of a fleet counts what it says: a small one on a real mosquitto loses nothing."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from bench.fleet import rate_hz


@pytest.mark.parametrize("consumers", ["1", "3"])
def test_a_small_fleet_loses_nothing(mosquitto_program: str, consumers: str) -> None:
    command = [sys.executable, "-m", "bench.fleet", "--devices", "30", "--seconds", "4", "--consumers", consumers]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    figures = dict(re.findall(r"^\| (\S.*?) \| (.*?) \|$", done.stdout, re.MULTILINE))
    assert int(figures["events"]) > 50
    assert (figures["lost"], figures["refused"]) == ("0", "0")
    if consumers == "3":
        assert figures["consumers"] == "3 (shared)"
        assert figures["twice"] == "0"  # each event to one of them


def test_the_day_has_one_event_a_second_on_average() -> None:
    steps = 1000
    assert sum(rate_hz(step / steps) for step in range(steps)) / steps == pytest.approx(1.0)
    assert (rate_hz(0.0), rate_hz(0.5)) == pytest.approx((0.2, 1.8))
