"""The faults of `make faults` and docs/reliability.md: what breaks is told of, and mends. How soon is for the bench."""

from __future__ import annotations

import os

import pytest

from bench.reliability.faults import FAULTS
from bench.reliability.live import missing
from bench.reliability.stage import stage, well


@pytest.fixture(autouse=True)
def _needs_devices(mosquitto_program) -> None:
    if lacking := missing():
        pytest.skip(f"no live camera and microphone here: {lacking}")


@pytest.mark.timeout(240)
def test_a_frozen_camera_and_a_killed_sound_server_do_not_stop_the_other_sense_and_come_back() -> None:
    with stage() as all_:
        hub = all_.hub
        hub.wait(well, "both senses at the start")
        all_.camera.freeze()
        hub.wait(lambda r: r["camera"]["state"] == "down", "the camera down")
        heard = hub.reports[-1][1]["microphone"]["read"]
        hub.wait(lambda r: r["microphone"]["state"] == "ok" and r["microphone"]["read"] > heard, "sound meanwhile")
        all_.microphone.kill()
        hub.wait(lambda r: r["microphone"]["state"] == "down", "the microphone down")
        all_.camera.thaw()
        seen = hub.reports[-1][1]["camera"]["read"]
        hub.wait(lambda r: r["camera"]["state"] == "ok" and r["camera"]["read"] > seen, "pictures meanwhile")
        all_.microphone.start()
        hub.wait(well, "both senses again")
        assert all_.process.poll() is None
        reasons = {sense: {r[sense]["reason"] for _, r in hub.reports} - {""} for sense in ("camera", "microphone")}
        assert all(reasons.values()), reasons
        assert "Traceback" not in all_.log


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif("EMOTION_EDGE_FAULTS" not in os.environ, reason="takes minutes: set EMOTION_EDGE_FAULTS=1")
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_ends_with_all_well_in_time(name) -> None:
    """Each ends the test by itself if it is not told of, does not mend, or costs an event. For a machine without other
    work: the bars are those of `make faults`."""
    outcome = FAULTS[name]()
    assert outcome.held, outcome
    assert outcome.remark, "expected a reason"
