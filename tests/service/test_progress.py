"""The watchdog gets its sign of life from the work alone; time stands in a variable here."""

from __future__ import annotations

import pytest

from edge.service.progress import Progress, Watchdog


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def progress():
    steps = Progress()
    for stage in ("camera", "see", "fuse"):
        steps.step(stage)
    return steps


@pytest.fixture
def watchdog(progress, clock):
    return Watchdog(progress.rounds, 30.0, lambda: clock[0])


def test_it_is_fed_when_every_stage_has_moved(progress, watchdog, clock):
    clock[0] += 10
    assert watchdog.look()
    clock[0] += 10
    assert not watchdog.look()
    for stage in ("camera", "see"):
        progress.step(stage)
    assert not watchdog.look()
    progress.step("fuse")
    assert watchdog.look()


def test_it_is_not_fed_more_often_than_needed(progress, watchdog, clock):
    signs = 0
    for _ in range(600):  # a minute
        clock[0] += 0.1
        for stage in ("camera", "see", "fuse"):
            progress.step(stage)
        signs += watchdog.look()
    assert signs == 7  # each 7.5 s, and a rounding


def test_one_stage_that_hangs_is_named_once_and_starves_it(progress, watchdog, clock, caplog):
    for _ in range(300):
        clock[0] += 0.1
        progress.step("camera")
        progress.step("fuse")
        watchdog.look()
    assert watchdog.standing == ["see"]
    assert [record.message for record in caplog.records] == ["watchdog: see stands still for 20 s"]
    progress.step("see")
    assert watchdog.look()
    assert watchdog.standing == []
    assert "gets on again" in caplog.text


def test_a_stage_that_has_ended_is_not_waited_for(progress, watchdog, clock):
    progress.end("camera")
    for _ in range(4):
        clock[0] += 10
        progress.step("see")
        progress.step("fuse")
        assert watchdog.look()


def test_without_a_watchdog_a_hang_is_told_of_all_the_same(progress, clock, caplog):
    watchdog = Watchdog(progress.rounds, 0.0, lambda: clock[0])
    watchdog.look()
    clock[0] += 21
    watchdog.look()
    assert "camera stands still" in caplog.text
