"""The discovery payloads against Home Assistant's published rules, and what a broker then holds."""

from __future__ import annotations

import json
import re

import jinja2
import paho.mqtt.client as paho
import pytest

from edge.config import DeviceConfig, HomeAssistantConfig, MqttConfig
from edge.publish import Mailbox, Publisher
from edge.publish.commands import Received, read_command
from edge.publish.homeassistant import announcements, node_id
from edge.records import EMOTIONS
from edge.remembered import Remembered

DEVICE = DeviceConfig(id="kitchen-pi", place="Kitchen")
ROOT = "emotion/kitchen-pi/"

# The rules relied on, from home-assistant.io (integrations/mqtt, sensor.mqtt, binary_sensor.mqtt, switch.mqtt,
# event.mqtt) and the schemas of Home Assistant's own source.
SHARED = {
    "availability_topic",
    "availability_mode",
    "availability_template",
    "availability",
    "payload_available",
    "payload_not_available",
    "state_topic",
    "command_topic",
    "qos",
    "encoding",
}
#: Keys allowed at the root of a device payload: the shared ones and these three, which are required.
ROOT_REQUIRED = {"device", "origin", "components"}
DEVICE_KEYS = {
    "identifiers",
    "connections",
    "manufacturer",
    "model",
    "model_id",
    "name",
    "hw_version",
    "serial_number",
    "sw_version",
    "via_device",
    "suggested_area",
    "configuration_url",
}
ORIGIN_KEYS = {"name", "sw_version", "support_url"}
ANY_ENTITY = {"platform", "unique_id", "name", "icon", "entity_category", "enabled_by_default"}
ATTRIBUTES = {"json_attributes_topic", "json_attributes_template"}
#: By platform: required keys, and all that are used of those allowed.
PLATFORMS = {
    "sensor": (
        {"state_topic"},
        {"value_template", "device_class", "state_class", "unit_of_measurement", "options", *ATTRIBUTES},
    ),
    "binary_sensor": ({"state_topic"}, {"value_template", "device_class", *ATTRIBUTES}),
    "switch": (
        {"command_topic"},
        {"state_topic", "payload_on", "payload_off", "state_on", "state_off", "value_template"},
    ),
    "event": ({"state_topic", "event_types"}, {"value_template", "device_class"}),
}
DEVICE_CLASSES = {
    "sensor": {"enum", "frequency", "duration"},
    "binary_sensor": {"occupancy", "running"},
}
UNITS = {"frequency": {"Hz", "kHz", "MHz", "GHz"}, "duration": {"d", "h", "min", "s", "ms"}}
TOPIC = re.compile(r"homeassistant/\w+/([a-zA-Z0-9_-]+/)?[a-zA-Z0-9_-]+/config")


def told(discovery: str = "device", device: DeviceConfig = DEVICE) -> dict:
    return announcements(HomeAssistantConfig(True, discovery), device, f"emotion/{device.name}/")


def components() -> dict[str, dict]:
    (payload,) = told().values()
    return payload["components"]


def assert_entity(platform: str, entity: dict) -> None:
    required, allowed = PLATFORMS[platform]
    assert required <= entity.keys()
    assert entity.keys() <= required | allowed | ANY_ENTITY
    assert entity["name"]
    assert entity["unique_id"]
    assert entity.get("entity_category", "diagnostic") in ("diagnostic", "config")
    assert entity.get("icon", "mdi:x").startswith("mdi:")
    if "device_class" in entity:
        assert entity["device_class"] in DEVICE_CLASSES[platform]
        if units := UNITS.get(entity["device_class"]):
            assert entity["unit_of_measurement"] in units
    if entity.get("device_class") == "enum":  # an enum has options, and nothing of a number
        assert entity["options"]
        assert not {"state_class", "unit_of_measurement"} & entity.keys()


def test_the_device_payload_keeps_the_rules() -> None:
    ((topic, payload),) = told().items()
    assert topic == "homeassistant/device/kitchen-pi/config"
    assert TOPIC.fullmatch(topic)
    assert payload.keys() >= ROOT_REQUIRED
    assert payload.keys() <= ROOT_REQUIRED | SHARED
    assert payload["device"]["identifiers"]
    assert payload["device"].keys() <= DEVICE_KEYS
    assert {"name"} <= payload["origin"].keys() <= ORIGIN_KEYS
    assert payload["availability_topic"] == "emotion/kitchen-pi/availability"
    for entity in payload["components"].values():
        assert_entity(entity["platform"], entity)
    ids = [entity["unique_id"] for entity in payload["components"].values()]
    assert len(set(ids)) == len(ids) == 20


def test_the_entity_payloads_keep_the_rules_and_are_the_same_entities() -> None:
    payloads = told("entity")
    assert len(payloads) == 20
    for topic, payload in payloads.items():
        assert TOPIC.fullmatch(topic)
        shared = {"device", "origin", "availability_topic", "qos"}
        assert shared <= payload.keys()
        assert_entity(topic.split("/")[1], {key: value for key, value in payload.items() if key not in shared})
    assert {p["unique_id"] for p in payloads.values()} == {c["unique_id"] for c in components().values()}


def test_every_topic_is_one_that_the_device_speaks() -> None:
    topics = {value for entity in components().values() for key, value in entity.items() if key.endswith("_topic")}
    assert topics == {f"{ROOT}{name}" for name in ("state", "health", "event", "command/privacy")}


def test_what_the_switches_say_is_a_command() -> None:
    for key in ("mute_camera", "mute_microphone"):
        for payload, muted in (("payload_on", True), ("payload_off", False)):
            text = components()[key][payload].encode()
            command = read_command(Received("privacy", text, len(text), False, 0), now_ns=0, utc_ns=0)
            assert command.arguments == {"sensor": key.removeprefix("mute_"), "muted": muted}


def rendered(key: str, value: dict) -> str:
    """As Home Assistant renders it: its Jinja with `value_json`; Python's None becomes the text None."""
    environment = jinja2.Environment(autoescape=False)  # JSON, not HTML
    environment.filters["tojson"] = json.dumps
    return environment.from_string(components()[key]["value_template"]).render(value_json=value)


def test_the_templates_read_what_is_published() -> None:
    probabilities = {**dict.fromkeys(EMOTIONS, 0.05), "happy": 0.7}
    state = {"people": 2, "emotion": "happy", "confidence": 0.7, "probabilities": probabilities, "valence": -0.5}
    assert rendered("emotion", state) == "happy"
    assert rendered("confidence", state) == "70.0"
    assert rendered("probability_happy", state) == "70.0"
    assert rendered("valence", state) == "-0.5"
    assert rendered("presence", state) == "ON"
    nobody = dict.fromkeys(state) | {"people": 0}
    assert rendered("emotion", nobody) == "nobody"
    assert rendered("emotion", nobody) in components()["emotion"]["options"]
    assert [rendered(key, nobody) for key in ("confidence", "probability_sad", "valence")] == ["None"] * 3
    assert rendered("presence", nobody) == "OFF"
    report = {"camera": {"state": "muted", "rate_hz": 14.98}, "microphone": {"state": "ok"}, "latency_p50_ms": None}
    assert [rendered(key, report) for key in ("camera", "microphone", "mute_camera", "mute_microphone")] == [
        "OFF",
        "ON",
        "ON",
        "OFF",
    ]
    assert (rendered("fps", report), rendered("latency", report)) == ("15.0", "None")
    missing = ("subject", "previous", "confidence", "valence", "arousal", "duration_ms", "id")
    event = {**dict.fromkeys(missing), "type": "emotion.change", "emotion": "sad", "late": False}
    assert json.loads(rendered("event", event))["event_type"] == "emotion.change"
    assert rendered("event", {**event, "late": True}) == ""


def test_names_that_differ_never_share_a_topic() -> None:
    assert node_id("kitchen-pi") == "kitchen-pi"
    assert len({node_id(name) for name in ("a.b", "a_b", "a..b", "a.b.")}) == 4
    assert TOPIC.fullmatch(next(iter(told(device=DeviceConfig(id="a.b")))))


@pytest.fixture
def announced(mosquitto, subscriber, tmp_path):
    """Starts a device that announces itself; gives the publisher."""
    publishers = []

    def begin(name: str = "kitchen-pi", enabled: bool = True, discovery: str = "device", kept: bool = True):
        for old in publishers:
            old.close(5)
        publisher = Publisher(
            MqttConfig(url=mosquitto.url),
            DeviceConfig(id=name, place="Kitchen"),
            mailbox=Mailbox(),
            home=HomeAssistantConfig(enabled, discovery),
            remembered=Remembered(tmp_path / "remembered.json" if kept else None),
        )
        publishers.append(publisher)
        publisher.start()
        return publisher

    yield begin
    for publisher in publishers:
        publisher.close(1)


def held(subscribe, mosquitto) -> set[str]:
    """The discovery topics that the broker holds, as a newcomer finds them."""
    newcomer = subscribe(mosquitto.url)
    marker = paho.Client(paho.CallbackAPIVersion.VERSION2)  # what comes after it is no longer retained
    marker.connect(mosquitto.host, mosquitto.port)
    marker.loop_start()
    marker.publish("test/marker", "here", qos=1).wait_for_publish(10)
    marker.disconnect()
    marker.loop_stop()
    newcomer.wait_for(lambda s: s.on("marker"))
    return {m.topic for m in newcomer.messages if m.topic.startswith("homeassistant/") and m.retain and m.payload}


def on_discovery(subscriber, payload: bool = True) -> list:
    found = [m for m in subscriber.messages if m.topic.startswith("homeassistant/") and m.topic.endswith("/config")]
    return [m for m in found if bool(m.payload) == payload]


def test_announced_and_announced_again_when_home_assistant_starts(mosquitto, subscriber, subscribe, announced, until):
    announced()
    first = subscriber.wait_for(on_discovery)[0]
    assert first.json()["components"].keys() == components().keys()
    until(lambda: "homeassistant/status (QoS 1)" in mosquitto.log.read_text())
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    client.publish("homeassistant/status", "offline", qos=1).wait_for_publish(10)
    client.publish("homeassistant/status", "online", qos=1).wait_for_publish(10)
    subscriber.wait_for(lambda s: len(on_discovery(s)) == 2)
    client.disconnect()
    client.loop_stop()
    assert held(subscribe, mosquitto) == {"homeassistant/device/kitchen-pi/config"}


def test_announced_again_after_a_restart_of_the_broker(mosquitto, subscriber, announced, until) -> None:
    publisher = announced()
    subscriber.wait_for(on_discovery)
    mosquitto.stop()
    until(lambda: not publisher.connected)
    mosquitto.start()
    subscriber.wait_for(lambda s: len(on_discovery(s)) >= 2)


def test_a_renamed_device_leaves_nothing_behind(mosquitto, subscriber, subscribe, announced) -> None:
    announced("old-pi")
    subscriber.wait_for(on_discovery)
    announced("new-pi")
    subscriber.wait_for(lambda s: len(on_discovery(s)) == 2 and on_discovery(s, payload=False))
    assert held(subscribe, mosquitto) == {"homeassistant/device/new-pi/config"}


@pytest.mark.parametrize(("before", "after", "topics"), [("device", "entity", 20), ("entity", "device", 1)])
def test_the_other_form_is_removed_first(mosquitto, subscriber, subscribe, announced, before, after, topics) -> None:
    announced(discovery=before)
    subscriber.wait_for(lambda s: len(on_discovery(s)) == 21 - topics)
    announced(discovery=after)
    subscriber.wait_for(lambda s: len(on_discovery(s)) == 21 and len(on_discovery(s, payload=False)) == 21 - topics)
    assert len(held(subscribe, mosquitto)) == topics
    order = [
        bool(m.payload) for m in subscriber.messages if m in on_discovery(subscriber) + on_discovery(subscriber, False)
    ]
    assert order == [True] * (21 - topics) + [False] * (21 - topics) + [True] * topics


def test_switched_off_after_a_restart_it_is_removed_once(mosquitto, subscriber, subscribe, announced) -> None:
    announced()
    subscriber.wait_for(on_discovery)
    publisher = announced(enabled=False)
    subscriber.wait_for(lambda s: on_discovery(s, payload=False))
    assert publisher.close(5)
    announced(enabled=False)
    subscriber.wait_for(lambda s: len(s.on("availability")) == 5)
    assert len(on_discovery(subscriber, payload=False)) == 1
    assert held(subscribe, mosquitto) == set()


def test_switched_off_and_on_while_it_runs(mosquitto, subscriber, announced, until) -> None:
    publisher = announced(kept=False)
    subscriber.wait_for(on_discovery)
    publisher.adopt(MqttConfig(), HomeAssistantConfig(False))
    subscriber.wait_for(lambda s: on_discovery(s, payload=False))
    publisher.adopt(MqttConfig(), HomeAssistantConfig(True, prefix="ha"))
    subscriber.wait_for(lambda s: [m for m in s.messages if m.topic == "ha/device/kitchen-pi/config"])
    until(lambda: "ha/status (QoS 1)" in mosquitto.log.read_text())


def test_off_by_default(mosquitto, subscriber, publish_to, until) -> None:
    publisher = publish_to(mosquitto.url)
    assert publisher.close(5)
    assert {m.topic for m in subscriber.messages} <= {f"{ROOT}availability"}
