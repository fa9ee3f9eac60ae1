"""Real threads: one that ends, one that breaks, one that will not end."""

from __future__ import annotations

import threading

import pytest

from edge.service.progress import Progress
from edge.service.threads import Threads


@pytest.fixture
def progress() -> Progress:
    return Progress()


def test_a_thread_is_watched_from_its_start_to_its_end(progress) -> None:
    stop = threading.Event()
    threads = Threads(progress, stop)
    threads.start(lambda: stop.wait(60), "reader")
    assert list(progress.rounds()) == ["reader"]
    stop.set()
    assert threads.join(30) == []
    assert progress.rounds() == {}
    assert not threads.crashed


def test_a_thread_that_breaks_ends_the_others_and_says_why(progress, caplog) -> None:
    stop = threading.Event()
    threads = Threads(progress, stop)
    threads.start(lambda: stop.wait(60), "listener")
    threads.start(lambda: {}["frame"], "reader")
    assert threads.join(30) == []
    assert stop.is_set()
    assert threads.crashed
    assert progress.rounds() == {}
    (told,) = caplog.records
    assert told.getMessage() == "reader: unexpected error, the service ends"
    assert "KeyError: 'frame'" in caplog.text


def test_a_thread_that_will_not_end_is_named_and_still_watched(progress, caplog) -> None:
    released = threading.Event()
    threads = Threads(progress, threading.Event())
    hanging = threads.start(lambda: released.wait(60), "camera")
    threads.start(lambda: None, "fuse").join(30)
    assert hanging.daemon  # the process may end all the same
    assert threads.join(0.05) == ["camera"]
    assert caplog.messages == ["these threads did not end in 0.1 s: camera"]
    assert list(progress.rounds()) == ["camera"]
    released.set()
    assert threads.join(30) == []
