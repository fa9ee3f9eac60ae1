"""Threads beside the one that analyses: order, errors and an early end are as without them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from edge.analyze.alongside import Behind, ahead


def test_what_is_made_ahead_comes_in_order_and_from_another_thread():
    made_by = set()

    def items() -> Iterator[int]:
        for number in range(50):
            made_by.add(threading.current_thread())
            yield number

    assert list(ahead(items())) == list(range(50))
    assert threading.current_thread() not in made_by
    assert len(made_by) == 1


def test_an_error_comes_after_what_was_made_before_it():
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("torn")

    torn = ahead(items())
    assert [next(torn), next(torn)] == [1, 2]
    with pytest.raises(OSError, match="torn"):
        next(torn)


def test_only_a_few_are_made_ahead_and_whoever_stops_leaves_no_thread():
    made = []

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    before = threading.active_count()
    few = ahead(items())
    assert next(few) == 0
    few.close()  # type: ignore[attr-defined]
    assert len(made) < 10
    assert threading.active_count() == before


def test_calls_are_made_in_order_and_all_of_them():
    done: list[int] = []
    with Behind() as behind:
        for number in range(100):
            behind.call(done.append, number)
    assert done == list(range(100))


def test_what_a_call_raises_is_raised_at_the_end():
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), Behind() as behind:
        behind.call(fail)


def test_an_error_elsewhere_is_the_one_that_is_told():
    def fail() -> None:
        raise OSError("disk full")

    def fail_too() -> None:
        with Behind() as behind:
            behind.call(fail)
            raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        fail_too()
