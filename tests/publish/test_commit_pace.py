"""When an outbox with a real file commits."""

from __future__ import annotations

import time

from edge.publish import commit_pace
from tests.publish.sequences import add, answer


def test_commits_that_were_saved_up_go_at_once_then_events_wait_for_each_other(
    open_outbox, until, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(commit_pace, "SAVED_COMMITS", 2)
    outbox = open_outbox(tmp_path / "outbox.sqlite", commit_hz=0.1)
    outbox.begin()
    for number in (1, 2):
        add(outbox)
        assert answer(outbox, until, number, 0) == number
    add(outbox)
    time.sleep(0.5)
    assert outbox.take(time.monotonic()) is None  # the next commit is ten seconds after the second
    add(outbox, 499)  # together they fill one: no need to wait
    assert answer(outbox, until, 3, 0) == 3
    for number in range(4, 503):
        assert answer(outbox, until, number, 0) == number
    add(outbox)
    outbox.hurry()
    assert answer(outbox, until, 503, 0) == 503
