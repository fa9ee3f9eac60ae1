"""A sensor's thread: reads, tells its state, opens again."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from edge.capture import camera_source
from edge.config import CameraConfig, ReplayConfig
from edge.service.newest import Newest
from edge.service.sensor import Sensor


class Faulty:
    """A source by script: each opening gives these many items, then fails (or ends)."""

    name = "faulty"

    def __init__(self, *openings: int, ends: bool = False) -> None:
        self.openings, self.ends, self.left, self.closed = list(openings), ends, 0, 0

    def open(self) -> None:
        from edge.errors import CaptureError

        if not self.openings:
            raise CaptureError("faulty: expected a device, found none.")
        self.left = self.openings.pop(0)

    def read(self) -> int | None:
        from edge.errors import CaptureError

        if self.left == 0:
            if self.ends:
                return None
            raise CaptureError("faulty: unplugged.")
        self.left -= 1
        return self.left

    def close(self) -> None:
        self.closed += 1


def run(source, recording: bool, until) -> tuple[Sensor, list]:
    stop, finished, items = threading.Event(), threading.Event(), []

    def deliver(item) -> int:
        items.append(item)
        return 0

    sensor = Sensor("camera", source, deliver, recording, stop, finished)
    thread = threading.Thread(target=sensor.run)
    thread.start()
    while not until(sensor, items) and thread.is_alive():
        thread.join(0.01)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert finished.is_set()
    return sensor, items


def test_a_recording_is_read_to_its_end():
    source = Faulty(3, ends=True)
    sensor, items = run(source, True, lambda *_: False)
    assert items == [2, 1, 0]
    health = sensor.health()
    assert (health.state, health.read, health.source, sensor.failed) == ("ended", 3, "faulty", False)
    assert source.closed == 1


def test_a_device_that_fails_is_opened_again(caplog: pytest.LogCaptureFixture):
    source = Faulty(2, 2, 0)
    sensor, items = run(source, False, lambda sensor, items: len(items) == 4 and sensor.state == "down")
    assert items == [1, 0, 1, 0]
    assert sensor.health().reopened == 1  # the third time it never gave anything
    assert "camera: faulty: unplugged. Trying again." in caplog.text


def test_the_same_failure_is_told_once(caplog: pytest.LogCaptureFixture):
    source = Faulty()
    sensor, _ = run(source, False, lambda *_: source.closed >= 3)
    assert sensor.reason == "faulty: expected a device, found none."
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_an_error_of_a_librarys_own_kind_is_a_failure_of_this_sensor_only(caplog: pytest.LogCaptureFixture):
    class Buggy(Faulty):
        def read(self) -> int | None:
            raise ZeroDivisionError("in the library")

    sensor, _ = run(Buggy(1), False, lambda sensor, _: sensor.state == "down")
    assert sensor.reason == "faulty: unexpected ZeroDivisionError: in the library"
    assert "Traceback" not in caplog.text


def test_a_recording_that_fails_is_not_tried_again():
    sensor, _ = run(Faulty(), True, lambda *_: False)
    assert sensor.failed
    assert sensor.health().reopened == 0


def test_a_real_source_with_nothing_behind_it(tmp_path):
    config = CameraConfig(source=f"file:{tmp_path}/none.mp4")
    sensor, _ = run(camera_source(config, ReplayConfig(), 0), True, lambda *_: False)
    assert sensor.failed
    assert "none.mp4" in sensor.reason


def test_the_newest_wins():
    slot: Newest[np.ndarray] = Newest()
    assert slot.get(0) is None
    first, second = np.zeros(1), np.ones(1)
    assert slot.put(first) == 0
    assert slot.put(second) == 1
    assert slot.get(0) is second
    assert slot.get(0) is None


class Endless:
    """A source that always has something, and knows whether it is open."""

    name = "endless"

    def __init__(self) -> None:
        self.is_open, self.opened = False, 0

    def open(self) -> None:
        self.is_open, self.opened = True, self.opened + 1

    def read(self) -> int:
        time.sleep(0.001)
        return 1

    def close(self) -> None:
        self.is_open = False


def wait(condition) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_muted_device_is_closed_and_opened_again():
    source, stop, items = Endless(), threading.Event(), []
    sensor = Sensor("camera", source, lambda item: items.append(item) or 0, False, stop, threading.Event())
    thread = threading.Thread(target=sensor.run)
    thread.start()
    wait(lambda: len(items) > 3)
    assert sensor.mute(5)
    before = len(items)
    assert (sensor.health().state, source.is_open, sensor.muted) == ("muted", False, True)
    time.sleep(0.05)
    assert len(items) == before
    sensor.unmute()
    wait(lambda: len(items) > before)
    assert sensor.mute(5)
    sensor.unmute()
    assert sensor.mute(5)
    assert not source.is_open
    stop.set()
    thread.join(5)
    assert sensor.health().reopened == 0


def test_a_device_that_is_muted_from_the_start_is_never_opened():
    source, stop, finished = Endless(), threading.Event(), threading.Event()
    sensor = Sensor("camera", source, lambda _: 0, False, stop, finished, muted=True)
    thread = threading.Thread(target=sensor.run)
    thread.start()
    wait(lambda: sensor.state == "muted")
    stop.set()
    thread.join(5)
    assert source.opened == 0
    assert finished.is_set()


def test_a_device_that_is_away_can_be_muted_at_once():
    stop = threading.Event()
    sensor = Sensor("camera", Faulty(), lambda _: 0, False, stop, threading.Event())
    thread = threading.Thread(target=sensor.run)
    thread.start()
    wait(lambda: sensor.state == "down")
    assert sensor.mute(5)
    assert (sensor.state, sensor.reason) == ("muted", "")
    stop.set()
    thread.join(5)
