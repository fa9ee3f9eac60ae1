"""CloudEvents: what a consumer with the CloudEvents SDK reads from a real broker is the event that was published."""

from __future__ import annotations

import json
import threading

import paho.mqtt.client as paho
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from edge.config import DeviceConfig
from edge.listen.device import Device
from edge.publish import payloads
from edge.publish.envelope import unwrap, wrap


@pytest.fixture
def consumer(mosquitto):
    """Waits for the next event: MQTT content type, user properties and payload."""
    heard: list[paho.MQTTMessage] = []
    subscribed, came = threading.Event(), threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = lambda client, *_: client.subscribe("emotion/+/event", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: (heard.append(message), came.set())
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    assert subscribed.wait(10)

    def wait() -> tuple[str | None, dict[str, str], bytes]:
        assert came.wait(15)
        properties = heard[0].properties
        return getattr(properties, "ContentType", None), dict(getattr(properties, "UserProperty", [])), heard[0].payload

    yield wait
    client.disconnect()
    client.loop_stop()


def check(event: CloudEvent, data: dict) -> None:
    assert event.get_specversion() == "1.0"
    assert event.get_id() == data["id"]
    assert event.get_source() == "/emotion-edge/kitchen-pi"
    assert event.get_type() == "emotion-edge.emotion.change"
    assert event.get_subject() == data["subject"] == "face-3"
    assert event.get_time().isoformat(timespec="milliseconds") == data["time"].replace("Z", "+00:00")
    assert event.get_dataschema().endswith("/schemas/1/event.json")
    assert event.get_extension("sequence") == "00000000000000000001"
    assert event.get_datacontenttype() == "application/json"


@pytest.mark.parametrize(
    ("envelope", "protocol"), [("cloudevents", "5"), ("cloudevents", "3.1.1"), ("cloudevents-binary", "3.1.1")]
)
def test_structured(mosquitto, consumer, publish_to, event_of, validators, envelope, protocol) -> None:
    publish_to(mosquitto.url, envelope=envelope, protocol=protocol).publish_event(event_of())
    content_type, _, payload = consumer()
    assert content_type == ("application/cloudevents+json; charset=utf-8" if protocol == "5" else None)
    event = JSONFormat().read(CloudEvent, payload)
    validators["event"].validate(event.get_data())
    check(event, event.get_data())


def test_binary(mosquitto, consumer, publish_to, event_of, validators) -> None:
    """The SDK has no MQTT binding: the attributes are put together here as the binding says, and judged by it."""
    publish_to(mosquitto.url, envelope="cloudevents-binary").publish_event(event_of())
    content_type, attributes, payload = consumer()
    validators["event"].validate(json.loads(payload))
    from dateutil.parser import isoparse

    typed = {**attributes, "time": isoparse(attributes["time"]), "datacontenttype": content_type}
    event = CloudEvent(typed, JSONFormat().read_data(payload, content_type))
    check(event, event.get_data())


def test_plain_has_no_envelope(mosquitto, consumer, publish_to, event_of, validators) -> None:
    publish_to(mosquitto.url).publish_event(event_of())
    content_type, attributes, payload = consumer()
    assert (content_type, attributes) == (None, {})
    validators["event"].validate(json.loads(payload))


def test_only_events_are_wrapped(mosquitto, subscriber, publish_to, event_of, health, models, validators) -> None:
    publisher = publish_to(mosquitto.url, envelope="cloudevents")
    publisher.publish_info(models, ["face"])
    publisher.publish_health(health)
    publisher.publish_state(event_of().estimate, 1)
    for name in ("info", "health", "state"):
        validators[name].validate(subscriber.wait_for(lambda heard, name=name: heard.on(name))[0].json())


def test_whatever_the_names_are_the_envelope_stays_json(event_of) -> None:
    device = DeviceConfig(id="kitchen-pi", place='Küche "2" }{ \\')
    body = payloads.event(event_of(), device, sequence=1, event_id=payloads.uuid7(0), offset_ns=0, latency_ms=0)
    body["subject"] = 'face "x" \\ \u00fc'
    wrapped = wrap(payloads.encode(body), "cloudevents", binary=True)
    assert unwrap(json.loads(wrapped.payload)) == body
    assert JSONFormat().read(CloudEvent, wrapped.payload).get_subject() == body["subject"]


def test_listen_reads_the_event_out_of_its_envelope(event_of) -> None:
    device = DeviceConfig(id="kitchen-pi")
    body = payloads.event(event_of(), device, sequence=1, event_id=payloads.uuid7(0), offset_ns=0, latency_ms=0)
    listened = Device("kitchen-pi", None)
    wrapped = wrap(payloads.encode(body), "cloudevents", binary=True)
    (heard,) = listened.take("event", wrapped.payload, 0.0)
    assert not heard.problem
    assert heard.body == body
