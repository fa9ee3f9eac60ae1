"""The device's side comes from the tests of publish, or is any client of the broker."""

from __future__ import annotations

import json

import paho.mqtt.client as paho
import pytest

from tests.publish.conftest import event_of, health, models, publish_to, until

__all__ = ["event_of", "health", "models", "publish_to", "until"]


@pytest.fixture
def teller(mosquitto):
    """Says whatever it is told to, as any client of the broker may."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()

    def tell(topic: str, body: object, retain: bool = False) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    yield tell
    client.disconnect()
    client.loop_stop()
