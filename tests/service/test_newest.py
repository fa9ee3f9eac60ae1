"""The newest item wins, and nobody waits longer than he said."""

from __future__ import annotations

import threading

from edge.service.newest import Newest


def test_an_item_not_taken_in_time_gives_way_and_is_counted():
    place: Newest[int] = Newest()
    assert place.put(1) == 0
    assert place.put(2) == 1
    assert place.get(0) == 2
    assert place.get(0.01) is None


def test_who_waits_gets_what_comes_meanwhile():
    place: Newest[int] = Newest()
    timer = threading.Timer(0.05, place.put, [7])
    timer.start()
    assert place.get(30) == 7
    timer.join()
