"""Sequence numbers: what is new, what came twice, what is missing, whatever the order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from edge.listen.ledger import Gap, Ledger


def identity(number: int) -> str:
    """Sorts like the time of making, as UUID version 7 does."""
    return f"{number:032x}"


def take(ledger: Ledger, *numbers: int, live: bool = True, now_s: float = 0.0) -> list[str]:
    return [ledger.take(number, identity(number), live=live, now_s=now_s) for number in numbers]


def test_in_order_nothing_is_missing() -> None:
    ledger = Ledger()
    assert take(ledger, 7, 8, 9) == ["new"] * 3
    assert (ledger.events, ledger.missing, ledger.overdue(1e9)) == (3, 0, [])


def test_the_same_id_is_the_same_event() -> None:
    ledger = Ledger()
    assert take(ledger, 1, 2, 2, 1) == ["new", "new", "duplicate", "duplicate"]
    assert (ledger.events, ledger.duplicates) == (2, 2)


def test_a_skipped_number_is_a_gap_only_after_a_quiet_while_and_told_once() -> None:
    ledger = Ledger(patience_s=10)
    take(ledger, 1, 2, 5)
    assert ledger.overdue(9.9) == []
    assert ledger.overdue(10.0) == [Gap(3, 4)]
    assert ledger.overdue(20.0) == []
    assert ledger.missing == 2
    assert take(ledger, 3, now_s=21.0) == ["late"]
    assert ledger.missing == 1


def test_a_backlog_that_is_still_coming_postpones_the_judgement() -> None:
    ledger = Ledger(patience_s=10)
    take(ledger, 1, 100)
    for number in range(2, 60):
        take(ledger, number, live=False, now_s=float(number))
    assert ledger.overdue(65.0) == []
    assert ledger.overdue(69.0) == [Gap(60, 99)]


def test_what_was_sent_before_somebody_listened_is_not_judged() -> None:
    """Live events go out next to a backlog: 100 may have been heard by others before this listener came."""
    ledger = Ledger()
    assert take(ledger, 80, live=False) == ["new"]
    assert take(ledger, 101) == ["new"]
    assert take(ledger, 81, 82, live=False) == ["earlier", "earlier"]
    assert take(ledger, 103) == ["new"]
    assert ledger.untold() == [Gap(102, 102)]


def test_a_device_that_counts_from_1_again_is_no_gap_but_what_was_open_is_lost() -> None:
    ledger = Ledger()
    take(ledger, 1, 2, 4)
    assert ledger.take(1, identity(100), live=True, now_s=0.0) == "restart"
    assert ledger.take(2, identity(101), live=True, now_s=0.0) == "new"
    assert (ledger.restarts, ledger.missing) == (1, 1)


def test_a_restart_whose_first_events_were_lost_is_a_restart_and_a_gap() -> None:
    ledger = Ledger()
    take(ledger, *range(1, 10))
    assert ledger.take(3, identity(100), live=True, now_s=0.0) == "restart"
    assert ledger.untold() == [Gap(1, 2)]


def test_after_an_absence_judging_begins_with_the_next_live_event() -> None:
    ledger = Ledger()
    take(ledger, 1, 2)
    ledger.listen_anew()
    assert take(ledger, 50, 51) == ["new", "new"]
    assert ledger.missing == 0
    take(ledger, 53)
    assert ledger.missing == 1


@given(st.integers(1, 60), st.sets(st.integers(2, 59)), st.randoms(use_true_random=False))
def test_in_any_order_with_any_duplicates_exactly_the_lost_ones_are_missing(
    last: int, lost: set[int], shuffle: random.Random
) -> None:
    """The first live event comes first, as it does from a device; the rest in any order, some twice."""
    kept = [number for number in range(2, last + 1) if number not in lost]
    order = kept + shuffle.sample(kept, len(kept) // 2)
    shuffle.shuffle(order)
    ledger = Ledger()
    take(ledger, 1)
    for number in order:
        take(ledger, number, live=False)
    top = max([1, *kept])
    assert ledger.missing == len([number for number in lost if number < top])
    assert ledger.events == 1 + len(kept)
    assert {n for gap in ledger.untold() for n in range(gap.first, gap.last + 1)} == {n for n in lost if n < top}


def test_nonsense_does_not_grow_memory() -> None:
    ledger = Ledger()
    take(ledger, 1)
    for number in range(3, 60_003, 2):
        take(ledger, number)
    assert ledger.missing == 30_000
    assert len(ledger.untold()) == 1000


def concede(ledger: Ledger, first: int, last: int, count: int | None, number: int = 0) -> bool:
    return ledger.concede(Gap(first, last), f"gap-{number}", count=count, now_s=0.0)


def test_what_the_device_tells_to_be_lost_is_no_gap_to_find_but_counts() -> None:
    ledger = Ledger()
    take(ledger, 1, 2)
    assert concede(ledger, 3, 10, 7)
    assert not concede(ledger, 3, 10, 7)  # a second delivery
    assert take(ledger, 11, 12) == ["new", "new"]
    assert take(ledger, 5, live=False) == ["earlier"]  # one of the eight was not lost
    assert (ledger.missing, ledger.untold(), ledger.conceded, ledger.events) == (0, [], 7, 5)


def test_a_record_that_comes_after_the_gap_was_seen_takes_its_place() -> None:
    ledger = Ledger()
    take(ledger, 1, 20)
    assert ledger.missing == 18
    concede(ledger, 5, 10, 6)
    assert ledger.untold() == [Gap(2, 4), Gap(11, 19)]
    concede(ledger, 2, 19, 18, number=1)
    assert (ledger.missing, ledger.conceded) == (0, 18)


def test_events_skipped_before_a_record_are_missing() -> None:
    ledger = Ledger()
    take(ledger, 1)
    concede(ledger, 5, 9, None)
    assert (ledger.untold(), ledger.conceded) == ([Gap(2, 4)], 1)
