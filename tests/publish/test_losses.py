"""What the broker refuses: tried again or counted, and told once it accepts again."""

from __future__ import annotations

import time

from edge.publish import outbox as outbox_module
from tests.publish.sequences import add, answer, holes, told


def test_what_the_broker_refused_is_told_once_it_accepts_again(
    start_mosquitto, subscribe, publish_to, event_of, tmp_path, until
) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic read #\ntopic readwrite emotion/kitchen-pi/availability\n")
    broker = start_mosquitto(f"allow_anonymous true\nacl_file {rules}")
    subscriber = subscribe(broker.url)
    publisher = publish_to(broker.url, outbox_file=str(tmp_path / "outbox.sqlite"))
    for _ in range(3):
        publisher.publish_event(event_of())
    until(lambda: publisher.refused == 3, timeout_s=30)
    broker.stop()
    rules.write_text("topic readwrite #\n")
    before = len(subscriber.messages)
    broker.start()
    # mosquitto 2.0.11 applies no access list for a session that is not connected since its own restart: it drops what
    # such a session should get. So first hear that the subscriber is back, by what is retained.
    subscriber.wait_for(lambda heard: any(message.retain for message in heard.messages[before:]))
    publisher.publish_event(event_of())
    subscriber.wait_for(lambda heard: {3, 4} <= set(told(heard)), timeout_s=30)
    gap = told(subscriber)[3]
    assert (gap["type"], gap["first"], gap["count"], gap["reason"]) == ("gap", 1, 3, "refused")
    assert not holes(subscriber, 4)
    until(lambda: publisher.queued == 0)


def test_a_refusal_that_may_pass_is_tried_three_times_another_once(open_outbox, until, monkeypatch) -> None:
    monkeypatch.setattr(outbox_module, "PAUSE_S", 0.01)
    outbox = open_outbox(None)
    outbox.begin()
    add(outbox, 3)
    not_authorized, quota_exceeded, no_subscriber = 0x87, 0x97, 0x10
    assert answer(outbox, until, 1, not_authorized) == 1
    assert outbox.refused == 1
    until(lambda: outbox.wait_s(time.monotonic()) == 0)
    again = [answer(outbox, until, number, quota_exceeded) for number in range(2, 8)]
    assert sorted(again) == [2, 2, 2, 3, 3, 3]
    assert (outbox.refused, outbox.queued) == (3, 0)
    add(outbox)
    assert answer(outbox, until, 8, no_subscriber) == 4
    gap = until(lambda: outbox.take(time.monotonic()))
    assert (gap.sequence, gap.body) == (3, {"first": 1, "count": 3, "reason": "refused"})
    assert (outbox.refused, outbox.queued, outbox.dropped) == (3, 0, 0)
    assert outbox.close(5)
