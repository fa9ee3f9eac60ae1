"""The mailbox keeps little, whoever writes."""

from __future__ import annotations

import pytest

from edge.publish.commands import Refused
from edge.publish.mailbox import BURST, Answer, Mailbox


def drained(mailbox: Mailbox) -> list:
    taken = []
    while (received := mailbox.take(0)) is not None:
        taken.append(received)
    return taken


def test_commands_come_out_in_order_with_their_circumstances() -> None:
    mailbox = Mailbox()
    mailbox.receive("ping", b"{}", retained=True, expiry_s=5.0)
    mailbox.receive("reset", b"", retained=False)
    first, second = drained(mailbox)
    assert (first.name, first.payload, first.retained, first.expiry_s) == ("ping", b"{}", True, 5.0)
    assert (second.name, second.size_bytes, second.expiry_s, second.hasty) == ("reset", 0, None, False)


def test_a_flood_is_answered_once_a_second_and_not_kept() -> None:
    mailbox = Mailbox()
    for _ in range(10_000):
        mailbox.receive("ping", b"x" * 4096, retained=False)
    taken = drained(mailbox)
    hasty = [received for received in taken if received.hasty]
    assert BURST <= len(taken) - len(hasty) < 2 * BURST  # a slow machine refills a few
    assert 1 <= len(hasty) < 10
    assert mailbox.ignored == 10_000 - len(taken)


def test_of_what_is_too_large_only_the_size_is_kept() -> None:
    mailbox = Mailbox()
    mailbox.receive("n" * 60_000, b"x" * 4097, retained=False)
    (received,) = drained(mailbox)
    assert (received.payload, received.size_bytes, len(received.name)) == (None, 4097, 64)


def test_answers_that_nobody_fetches_give_way() -> None:
    mailbox = Mailbox()
    for number in range(100):
        mailbox.answer(Answer(f"response/{number}", b"{}"))
    fetched = []
    while answer := mailbox.next_answer():
        fetched.append(answer.name)
    assert fetched == [f"response/{number}" for number in range(68, 100)]


def test_who_asks_beside_the_network_gets_the_answer_and_never_waits_for_room() -> None:
    mailbox = Mailbox()
    asked = [mailbox.ask("ping", b"{}") for _ in range(32)]
    with pytest.raises(Refused, match="too many"):
        mailbox.ask("ping", b"{}")
    assert [received.reply for received in drained(mailbox)] == asked
    mailbox.ask("ping", b"x" * 4097)
    assert [(received.payload, received.size_bytes) for received in drained(mailbox)] == [(None, 4097)]
