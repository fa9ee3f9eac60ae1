"""In which order, how often and how what waits is sent; the outbox behind it is a real one, in memory."""

from __future__ import annotations

import json
import time

import pytest

from edge.publish.outgoing import Message, Outgoing

SECOND = 1_000_000_000


@pytest.fixture
def outgoing(open_outbox) -> Outgoing:
    return Outgoing(open_outbox(None, commit_hz=100), state_hz=0.5, utc_ms=lambda: time.time_ns() // 1_000_000)


@pytest.fixture
def network(outgoing):
    """Takes whatever is due at a time, acknowledges what has an id, and remembers all."""
    sent: list[Message] = []

    def take(now_ns: int, hurry: bool = False) -> list[Message]:
        begin = len(sent)

        def send(message: Message) -> int:
            sent.append(message)
            return len(sent)

        while outgoing.send_one(send, now_ns, hurry=hurry):
            if sent[-1].name == "event":
                outgoing.answered(len(sent), 0)
        return sent[begin:]

    outgoing.begin()
    return take


def names(messages: list[Message]) -> list[str]:
    return [message.name for message in messages]


def tell_event(outgoing: Outgoing) -> None:
    outgoing.add_event(lambda sequence: {"sequence": sequence}, observed_ms=time.time_ns() // 1_000_000)


def test_what_is_retained_comes_before_events_and_these_before_observations(outgoing, network, until) -> None:
    outgoing.add_observation("observation/face", {"quality": 1})
    tell_event(outgoing)
    for name in ("health", "state", "info"):
        outgoing.put(name, {"name": name})
    now_ns = time.monotonic_ns()
    until(lambda: outgoing.wait_s(now_ns) == 0)
    sent = network(now_ns)
    # The event may still be on its way through the outbox's own thread.
    until(lambda: "event" in names(sent) or sent.extend(network(time.monotonic_ns())))
    retained = [message for message in sent if message.retain]
    assert [(message.name, message.qos) for message in retained] == [("info", 1), ("state", 1), ("health", 0)]
    (event,) = (message for message in sent if message.name == "event")
    assert (event.qos, event.retain) == (1, False)
    body = json.loads(event.payload)
    assert (body["sequence"], body["late"]) == (1, False)
    assert [(m.qos, m.retain) for m in sent if m.name == "observation/face"] == [(0, False)]
    assert names(sent)[:3] == ["info", "state", "health"]


def test_of_the_state_the_newest_is_sent_and_not_more_often_than_asked(outgoing, network) -> None:
    outgoing.put("state", {"people": 1})
    assert names(network(0)) == ["state"]
    outgoing.put("state", {"people": 2})
    outgoing.put("state", {"people": 3})
    assert network(SECOND) == []
    assert outgoing.wait_s(SECOND) == pytest.approx(1.0)
    outgoing.adopt_state_hz(4.0)
    assert outgoing.wait_s(SECOND // 8) == pytest.approx(0.125)
    (sent,) = network(SECOND)
    assert json.loads(sent.payload) == {"people": 3}
    outgoing.put("state", {"people": 0})
    assert [json.loads(message.payload) for message in network(SECOND + 1, hurry=True)] == [{"people": 0}]


def test_a_new_connection_is_told_what_counts_and_not_what_was_seen_before(outgoing, network) -> None:
    outgoing.put("info", {"version": "1"})
    assert names(network(0)) == ["info"]
    outgoing.add_observation("observation/face", {"quality": 1})
    outgoing.end()
    outgoing.begin()
    assert names(network(1)) == ["info"]
    assert network(2) == []


def test_of_observations_that_nobody_takes_the_newest_are_kept(outgoing, network) -> None:
    for number in range(100):
        outgoing.add_observation("observation/face", {"number": number})
    assert [json.loads(message.payload)["number"] for message in network(0)] == list(range(36, 100))


def test_what_json_cannot_carry_is_raised_where_it_was_said(outgoing, network) -> None:
    with pytest.raises((TypeError, ValueError)):
        outgoing.put("state", {"people": object()})
    assert network(0) == []


def test_an_event_that_was_not_acknowledged_is_sent_again_with_the_next_connection(outgoing, until) -> None:
    outgoing.begin()
    tell_event(outgoing)
    seen: list[int] = []

    def send(message: Message) -> int:
        seen.append(json.loads(message.payload)["sequence"])
        return len(seen)

    until(lambda: outgoing.send_one(send, time.monotonic_ns(), hurry=False))
    assert not outgoing.send_one(send, time.monotonic_ns(), hurry=False)  # once, while it is on its way
    outgoing.end()
    outgoing.begin()
    until(lambda: outgoing.send_one(send, time.monotonic_ns(), hurry=False))
    outgoing.answered(2, 0)
    assert seen == [1, 1]
