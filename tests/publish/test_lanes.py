"""Whatever the store and the network do, each event is offered once a connection, and live ones do not wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.publish.lanes import PIECE, Lanes
from edge.publish.store import StoredEvent


def event(sequence: int) -> StoredEvent:
    return StoredEvent(sequence, 0, 0, {"sequence": sequence})


def taken(lanes: Lanes, now_s: float) -> list[int]:
    """Sends all that is due at `now_s`, under the sequence number as the message's id."""
    numbers = []
    while found := lanes.take(now_s):
        lanes.sent(found.sequence)
        numbers.append(found.sequence)
    return numbers


@given(st.integers(0, 1200), st.lists(st.sampled_from(["add", "refill", "take", "settle", "change"]), max_size=80))
def test_everything_in_the_store_is_offered_once_and_late_ones_in_order(stored, steps) -> None:
    lanes, store, offered, settled, now_s = Lanes(2000), list(range(1, stored + 1)), [], set(), 0.0
    lanes.begin([], settled, more=True)

    def refill() -> None:
        piece = [event(n) for n in store if n > lanes.read_after and n not in settled][:PIECE]
        lanes.refill(piece, settled)

    for step in steps:
        now_s += 0.02
        if step == "add":
            store.append(len(store) + 1)
            lanes.add(event(store[-1]))
        elif step == "refill" and lanes.hungry:
            refill()
        elif step == "take":
            offered += taken(lanes, now_s)
        elif step == "change":  # of the store: what is on its way stays so
            lanes.begin([event(n) for n in store if n not in settled][: lanes.in_order], settled, more=True)
        elif step == "settle":
            settled.update(n for n in offered if lanes.settle(n))
    while lanes.more or lanes.wait_s(now_s) is not None:
        now_s += 0.02
        offered += taken(lanes, now_s)
        if lanes.hungry:
            refill()
    assert sorted(offered) == store
    assert [n for n in offered if n <= stored] == store[:stored]


def test_a_live_event_overtakes_the_backlog_and_the_backlog_keeps_its_rate() -> None:
    lanes = Lanes(100.0)
    lanes.begin([], set(), more=True)
    lanes.refill([event(n) for n in range(1, 300)], set())
    sent, now_s, live = [], 50.0, iter(range(1000, 2000))
    for _ in range(100):  # one second
        now_s += 0.01
        number = next(live)
        lanes.add(event(number))
        numbers = taken(lanes, now_s)
        assert numbers[0] == number
        sent += numbers[1:]
    assert 95 <= len(sent) <= 105
    assert sent == sorted(sent)


def test_what_a_full_memory_cannot_hold_is_read_from_the_store() -> None:
    lanes = Lanes(1e6)
    lanes.begin([], set(), more=False)
    for n in range(1, 1401):
        lanes.add(event(n))
    assert lanes.hungry
    while lanes.hungry:
        lanes.refill([event(n) for n in range(lanes.read_after + 1, 1401)][:PIECE], set())
    assert taken(lanes, 1.0) == list(range(1, 1401))


def test_an_answer_to_something_else_is_none_of_ours() -> None:
    assert Lanes(1.0).settle(7) is None


def test_a_new_connection_is_offered_what_the_last_one_did_not_acknowledge() -> None:
    lanes = Lanes(1000.0)
    lanes.begin([event(1), event(2), event(3)], set(), more=False)
    assert taken(lanes, 0.0) == [1, 2, 3]
    assert lanes.settle(2)
    lanes.clear()
    lanes.begin([event(1), event(2), event(3)], {2}, more=False)
    assert taken(lanes, 0.0) == [1, 3]


def test_the_answer_for_an_event_that_was_forced_out_while_it_was_sent_is_none_of_ours() -> None:
    lanes = Lanes(1000.0)
    lanes.begin([event(1), event(2)], set(), more=False)
    assert lanes.take(0.0)
    lanes.forget({1})
    lanes.sent(7)
    assert lanes.settle(7) is None
    assert taken(lanes, 0.0) == [2]
