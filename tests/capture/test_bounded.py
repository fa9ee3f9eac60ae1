"""Drivers that block, fail and are late; the driver here reads a real pipe."""

import os
import threading
import time

import pytest

from edge.capture.bounded import BoundedSource
from edge.errors import CaptureError


class PipeDriver:
    """Gives the bytes of a pipe one by one; a read blocks for as long as nobody writes."""

    name = "pipe"

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe
        self.open_now = 0

    def open(self) -> None:
        self.open_now += 1

    def read(self) -> bytes | None:
        return os.read(self.pipe, 1) or None

    def close(self) -> None:
        self.open_now -= 1


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        os.close(end)


def bounded(driver, read_s=0.2):
    return BoundedSource(lambda: driver, open_s=0.2, read_s=read_s, keep=4, advice="Check the pipe.")


def test_items_arrive_in_order_and_the_end_is_none(pipe):
    source = bounded(PipeDriver(pipe[0]), read_s=5)
    source.open()
    os.write(pipe[1], b"ab")
    assert [source.read(), source.read()] == [b"a", b"b"]
    os.close(pipe[1])
    assert source.read() is None
    assert source.read() is None
    source.close()
    pipe[1] = os.open(os.devnull, os.O_RDONLY)


def test_a_read_that_blocks_ends_in_time_and_a_new_driver_takes_over(pipe, monkeypatch):
    monkeypatch.setattr("edge.capture.bounded.CLOSE_S", 0.05)
    drivers = []

    def make() -> PipeDriver:
        drivers.append(PipeDriver(os.dup(pipe[0]) if not drivers else os.open(os.devnull, os.O_RDONLY)))
        return drivers[-1]

    source = BoundedSource(make, open_s=5, read_s=0.2, keep=4, advice="Check the pipe.")
    source.open()
    with pytest.raises(CaptureError, match=r"pipe: gave nothing for 0\.2 s\. Check the pipe\."):
        source.read()
    source.close()
    source.open()
    assert source.read() is None  # the new driver's: /dev/null is at its end
    source.close()
    assert [driver.open_now for driver in drivers] == [1, 0]
    os.write(pipe[1], b"x")  # the old call returns, and its driver is closed by the thread that it kept
    for _ in range(500):
        if not drivers[0].open_now:
            break
        time.sleep(0.01)
    assert not drivers[0].open_now
    for driver in drivers:
        os.close(driver.pipe)


def test_drivers_left_behind_are_bounded(pipe, monkeypatch):
    monkeypatch.setattr("edge.capture.bounded.CLOSE_S", 0.05)
    source = bounded(PipeDriver(pipe[0]))
    for _ in range(3):
        source.open()
        source.close()
    with pytest.raises(CaptureError, match="3 calls to the device have not returned"):
        source.open()
    os.write(pipe[1], b"xxx")
    time.sleep(0.2)
    source.open()
    os.write(pipe[1], b"y")
    assert source.read() == b"y"
    os.write(pipe[1], b"z")
    source.close()


def test_an_open_that_blocks_ends_in_time(pipe):
    class SlowToOpen(PipeDriver):
        def open(self) -> None:
            os.read(self.pipe, 1)

    source = bounded(SlowToOpen(pipe[0]))
    with pytest.raises(CaptureError, match=r"did not open within 0\.2 s"):
        source.open()
    os.write(pipe[1], b"xx")
    source.close()


def test_the_oldest_gives_way_and_is_counted(pipe):
    source = bounded(PipeDriver(pipe[0]), read_s=5)
    source.open()
    os.write(pipe[1], b"0123456789")
    os.close(pipe[1])
    pipe[1] = os.open(os.devnull, os.O_RDONLY)
    while source.lost < 6:
        time.sleep(0.01)
    assert list(iter(source.read, None)) == [b"6", b"7", b"8", b"9"]
    source.close()
    assert source.lost == 6


def test_close_from_another_thread_ends_a_waiting_read(pipe):
    source = bounded(PipeDriver(pipe[0]), read_s=60)
    source.open()
    threading.Timer(0.1, source.close).start()
    began = time.monotonic()
    with pytest.raises(CaptureError, match="closed while it was being read"):
        source.read()
    assert time.monotonic() - began < 10
    os.write(pipe[1], b"x")


def test_failures_reach_the_reader_and_the_driver_is_closed(pipe):
    class Broken(PipeDriver):
        def read(self) -> bytes | None:
            raise self.error

    driver = Broken(pipe[0])
    source = bounded(driver, read_s=5)
    for driver.error in (CaptureError("the plug is out"), ZeroDivisionError("a mistake in the driver")):
        source.open()
        with pytest.raises(type(driver.error), match=str(driver.error)):
            source.read()
        source.close()
    assert driver.open_now == 0


def test_reading_what_is_closed_says_so(pipe):
    with pytest.raises(CaptureError, match="open it before reading"):
        bounded(PipeDriver(pipe[0])).read()
