"""Connections that are encrypted, spoken to in nonsense, or closed over a message: events arrive if they can, else one
clear warning says why not; never an exception, never a hang."""

from __future__ import annotations

import pytest

from tests.publish.network import warnings


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\xff\xff", b"\x20\x00"])
def test_nonsense_from_the_network_does_not_end_the_publisher(gate, subscriber, publish_to, event_of, garbage) -> None:
    calls = []

    def answer(connect: bytes) -> bytes | None:
        calls.append(connect)
        return garbage if len(calls) <= 2 else None

    publisher = publish_to(gate(answer).url)
    publisher.publish_event(event_of())
    subscriber.wait_for(lambda heard: heard.on("event"))
    assert publisher.close(5)


def test_what_the_access_list_forbids_is_counted_and_not_sent_for_ever(
    start_mosquitto, publish_to, event_of, tmp_path, caplog, until
) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic readwrite emotion/kitchen-pi/availability\n")
    broker = start_mosquitto(f"allow_anonymous true\nacl_file {rules}")
    publisher = publish_to(broker.url)
    for _ in range(2):
        publisher.publish_event(event_of())
    until(lambda: publisher.refused == 2)  # mosquitto 2.0.11 hangs up after each refusal
    assert publisher.queued == 0
    refusals = [message for message in warnings(caplog) if "not authorized (code 135)" in message]
    assert len(refusals) == 1
    assert "access list" in refusals[0]


def test_tls_with_our_own_authority_and_only_with_it(
    start_mosquitto, publish_to, event_of, certificates, caplog, until
) -> None:
    broker = start_mosquitto(
        f"allow_anonymous true\ncertfile {certificates}/server.pem\nkeyfile {certificates}/server.key"
    )
    ca_file = str(certificates / "ca.pem")
    publisher = publish_to(f"mqtts://localhost:{broker.port}", ca_file=ca_file)
    for _ in range(100):
        publisher.publish_event(event_of())
    until(lambda: publisher.events == 100 and publisher.queued == 0)
    assert publisher.close(5)
    caplog.clear()
    publish_to(f"mqtts://127.0.0.1:{broker.port}", ca_file=ca_file)
    until(lambda: any("is not accepted: IP address mismatch" in message for message in warnings(caplog)))
    publish_to(f"mqtts://localhost:{broker.port}")
    until(lambda: any("[mqtt] ca_file" in message for message in warnings(caplog)[1:]))
    publish_to(f"mqtt://localhost:{broker.port}")
    until(lambda: any("write mqtts://" in message for message in warnings(caplog)))


def test_tls_to_a_port_that_is_not_encrypted_is_told(mosquitto, publish_to, caplog, until) -> None:
    publish_to(f"mqtts://localhost:{mosquitto.port}")
    until(lambda: any("write mqtt://" in message for message in warnings(caplog)))
