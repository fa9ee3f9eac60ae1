"""Fewer frames instead of later ones; time stands in a variable here, and a simulated machine is slow."""

from __future__ import annotations

import pytest

from edge.service.pace import Pace

MS = 1_000_000


class Machine:
    """A camera of 15 frames a second and a thread that looks at one frame after the other, the newest first."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.pace = Pace(15.0, lambda: self.now_ms / 1000)
        self.free_ms = 0.0
        self.latencies_ms: list[float] = []
        self.looked = 0

    def run(self, seconds: float, look_ms: float, wake_ms: float = 0.0) -> None:
        """`look_ms`: what one frame costs; `wake_ms`: how long others keep the processor before it is looked at."""
        self.latencies_ms, self.looked = [], 0
        waiting: float | None = None
        end_ms = self.now_ms + seconds * 1000
        while self.now_ms < end_ms:
            if self.pace.wants(int(self.now_ms * MS)):
                waiting = self.now_ms
            next_ms = self.now_ms + 1000 / 15
            while waiting is not None and self.free_ms < next_ms:
                begin_ms = max(self.free_ms, waiting) + wake_ms
                self.free_ms = begin_ms + look_ms
                self.latencies_ms.append(self.free_ms - waiting)
                self.looked += 1
                self.now_ms = max(self.now_ms, min(self.free_ms, next_ms))
                self.pace.looked(look_ms / 1000)
                waiting = None
            self.now_ms = next_ms


def test_a_machine_that_can_looks_at_every_frame():
    machine = Machine()
    machine.run(20, look_ms=20)
    assert machine.looked in (299, 300, 301)
    assert machine.pace.held_back == ""
    assert machine.pace.skipped == 0


@pytest.mark.parametrize("look_ms", [80, 150, 400])
def test_too_little_cpu_costs_frames_and_not_latency(look_ms):
    machine = Machine()
    machine.run(20, look_ms)
    machine.run(20, look_ms)
    latencies = sorted(machine.latencies_ms)
    assert machine.pace.held_back == "cpu"
    assert latencies[len(latencies) // 2] < look_ms + 1000 / 15
    # Room is left, but not most of it.
    assert 0.3 < machine.looked * look_ms / 20_000 < 0.95


def test_it_comes_back_when_there_is_room():
    machine = Machine()
    machine.run(20, look_ms=300)
    machine.run(30, look_ms=20)
    assert machine.pace.held_back == ""
    machine.run(10, look_ms=20)
    assert machine.looked in (149, 150, 151)


def test_frames_that_wait_for_other_processes_are_no_reason_to_look_at_fewer():
    machine = Machine()
    machine.run(20, look_ms=300)
    machine.run(60, look_ms=20, wake_ms=100)
    assert machine.pace.held_back == ""


def test_a_machine_that_throttles_gets_half_the_work(caplog):
    machine = Machine()
    machine.pace.feel(throttled=True)
    machine.run(20, look_ms=20)
    assert machine.looked == pytest.approx(150, abs=8)
    assert machine.pace.held_back == "heat"
    machine.pace.feel(throttled=False)
    machine.run(10, look_ms=20)
    assert machine.looked in (149, 150, 151)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_a_slow_camera_is_not_made_faster():
    pace = Pace(0.5)
    assert pace.rate_hz == 0.5
    pace.feel(throttled=True)
    assert pace.rate_hz == 0.5


def test_the_lack_is_told_once(caplog):
    machine = Machine()
    machine.run(20, look_ms=300)
    assert [record.message for record in caplog.records] == [
        "too little CPU for 15 frames a second: fewer are looked at until there is more"
    ]
