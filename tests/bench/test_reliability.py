"""Short forms of the bench behind docs/reliability.md: each ends the test if an event is lost."""

from __future__ import annotations

import math

import pytest

from bench.reliability import scenarios


@pytest.fixture(autouse=True)
def _needs_a_broker(mosquitto_program) -> None:
    """Skips where there is none."""


def test_a_killed_device_loses_nothing(tmp_path) -> None:
    rows = dict(scenarios.kills(tmp_path, 5))
    assert rows["holes in the sequence, still queued at the end"] == "0, 0"
    assert rows["committed events seen in the file after a kill, lost"].endswith(", 0")


def test_a_killed_and_a_stopped_broker_cost_nothing(tmp_path) -> None:
    rows = dict(scenarios.broker_restarts(tmp_path, 2, recovered_s=math.inf))
    assert rows["lost, duplicates removed by id"].startswith("0, ")
