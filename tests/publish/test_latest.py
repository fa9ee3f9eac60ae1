"""Of a topic where only the newest value counts, that one arrives, and not more often than it should."""

from __future__ import annotations

from edge.publish.latest import Latest

SECOND = 1_000_000_000


def test_of_a_topic_the_newest_value_is_taken_when_its_time_comes() -> None:
    latest = Latest(interval_s=0.5)
    assert latest.wait_s(0) is None
    latest.put({"emotion": "happy"})
    assert latest.take(0) == {"emotion": "happy"}
    latest.put({"emotion": "sad"})
    latest.put({"emotion": "angry"})
    assert latest.take(SECOND // 10) is None
    assert latest.wait_s(SECOND // 10) == 0.4
    assert latest.take(SECOND // 2) == {"emotion": "angry"}
    assert latest.wait_s(SECOND) is None


def test_a_value_that_differs_only_in_its_time_is_not_sent_again() -> None:
    latest = Latest()
    latest.put({"people": 0, "time": "a"})
    assert latest.take(0)
    latest.put({"people": 0, "time": "b"})
    assert latest.take(SECOND) is None


def test_a_new_connection_is_told_again_and_the_end_does_not_wait() -> None:
    latest = Latest(interval_s=10)
    latest.put({"people": 1})
    assert latest.take(0)
    latest.repeat()
    assert latest.take(1) == {"people": 1}
    latest.put({"people": 0})
    assert latest.take(2) is None
    assert latest.take(2, hurry=True) == {"people": 0}


def test_another_interval_counts_from_the_last_time_on() -> None:
    latest = Latest(interval_s=100)
    latest.put({"people": 1})
    assert latest.take(0)
    latest.put({"people": 0})
    latest.interval_s = 2
    assert latest.wait_s(SECOND) == 1.0
    assert latest.take(2 * SECOND) == {"people": 0}
