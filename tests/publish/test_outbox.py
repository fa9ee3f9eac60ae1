"""The outbox as the publisher uses it, with a real mosquitto: what was handed over arrives once (by id), with no hole
that no record tells of."""

from __future__ import annotations

import time

import pytest

from edge.config import MqttConfig
from edge.publish import Publisher
from edge.publish.publisher import measured_offset_ns
from tests.publish.conftest import DEVICE
from tests.publish.sequences import holes, told, waited


def test_events_outlive_the_process_that_told_them(mosquitto, subscriber, publish_to, event_of, tmp_path) -> None:
    mosquitto.stop()
    file = str(tmp_path / "outbox.sqlite")
    for _ in range(3):
        publisher = publish_to(mosquitto.url, outbox_file=file)
        for _ in range(10):
            publisher.publish_event(event_of())
        assert not publisher.close(1)
    time.sleep(2.1)
    publisher = publish_to(mosquitto.url, outbox_file=file)
    assert publisher.queued == 30
    mosquitto.start()
    publisher.publish_event(event_of())
    subscriber.wait_for(lambda heard: len(heard.on("event")) == 31)
    assert list(told(subscriber)) == list(range(1, 32))
    assert told(subscriber)[1]["late"]
    assert not told(subscriber)[31]["late"] or waited(told(subscriber)[31])
    assert publisher.close(5)
    again = publish_to(mosquitto.url, outbox_file=file)
    assert (again.queued, again.events) == (0, 0)
    again.publish_event(event_of())
    assert again.close(5)
    subscriber.wait_for(lambda heard: 32 in told(heard))
    assert len(subscriber.on("event")) == 32


def test_what_the_bounds_force_out_is_counted_and_told(
    mosquitto, subscriber, publish_to, event_of, validators, caplog, until
) -> None:
    mosquitto.stop()
    publisher = publish_to(mosquitto.url, outbox_mb=1)
    for _ in range(7000):
        publisher.publish_event(event_of())
    until(lambda: publisher.dropped)
    mosquitto.start()
    subscriber.wait_for(lambda heard: 7000 in told(heard) and not holes(heard, 7000), timeout_s=60)
    until(lambda: publisher.queued == 0)
    gaps = [body for body in told(subscriber).values() if body["type"] == "gap"]
    arrived = {number for number, body in told(subscriber).items() if body["type"] != "gap"}
    # A few may have been acknowledged in the instant in which they were forced out.
    assert abs(7000 - len(arrived) - publisher.dropped) <= 20
    assert 0 < publisher.dropped < 6000
    for gap in gaps:
        validators["gap"].validate(gap)
        assert gap["reason"] == "full"
    assert any("forced out" in message for message in caplog.messages)


def test_live_events_overtake_a_long_backlog(mosquitto, subscriber, publish_to, event_of, tmp_path, until) -> None:
    mosquitto.stop()
    publisher = publish_to(mosquitto.url, outbox_file=str(tmp_path / "outbox.sqlite"), drain_hz=100.0)
    for _ in range(600):
        publisher.publish_event(event_of())
    time.sleep(2.1)
    mosquitto.start()
    until(lambda: publisher.connected)
    publisher.publish_event(event_of())
    subscriber.wait_for(lambda heard: len(heard.on("event")) == 601, timeout_s=30)
    order = [message.json()["sequence"] for message in subscriber.on("event")]
    assert order.index(601) < 500
    assert [number for number in order if number != 601] == list(range(1, 601))
    assert [told(subscriber)[number]["late"] for number in (1, 600)] == [True, True]
    assert not told(subscriber)[601]["late"] or waited(told(subscriber)[601])


def test_systemd_says_where_the_outbox_lies(mosquitto, publish_to, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}:/elsewhere")
    publish_to(mosquitto.url).close(1)
    assert (tmp_path / "outbox.sqlite").exists()


DAY_NS = 86_400_000_000_000


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        # Days by which the clock is wrong, and whether it is known to be right, in two runs of the service.
        pytest.param((-10, False), (0, True), True, id="set after a boot with the time of ten days ago"),
        pytest.param((0, True), (365, False), True, id="a year ahead until it is set"),
        pytest.param((-10, True), (0, True), False, id="ten days have passed"),
    ],
)
def test_a_clock_that_was_not_set_makes_nothing_too_old(
    mosquitto, subscriber, event_of, tmp_path, first, second, kept
) -> None:
    for url, (days, synchronized) in (("mqtt://127.0.0.1:9", first), (mosquitto.url, second)):
        publisher = Publisher(
            MqttConfig(url=url, outbox_file=str(tmp_path / "outbox.sqlite")),
            DEVICE,
            utc_offset_ns=lambda days=days: measured_offset_ns() + days * DAY_NS,  # type: ignore[misc]
        )
        publisher.clock_synchronized = synchronized
        publisher.start()
        for _ in range(3):
            publisher.publish_event(event_of())
        publisher.close(0.5 if "127.0.0.1:9" in url else 5)
    subscriber.wait_for(lambda heard: 6 in told(heard) and not holes(heard, 6))
    assert [body["reason"] for body in told(subscriber).values() if body["type"] == "gap"] == (
        [] if kept else ["expired"]
    )
