"""The embedded broker is a real one, and goes away."""

from __future__ import annotations

import socket

import pytest

from edge.demo.broker import EmbeddedBroker


def test_a_client_gets_an_answer_while_it_runs(subscribe):
    with EmbeddedBroker() as broker:
        subscriber = subscribe(broker.url)  # subscribes, or raises
        assert subscriber.messages == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", broker.port), timeout=5)
