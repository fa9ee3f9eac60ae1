"""A real Home Assistant core finds the device: needs HASS=/path/to/hass (docs/homeassistant.md says how)."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path

import pytest

from edge.config import DeviceConfig, HomeAssistantConfig, MqttConfig
from edge.publish import Mailbox, Publisher

HASS = os.environ.get("HASS", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HASS, reason="set HASS to Home Assistant's program to run it"),
]


@pytest.fixture
def core(mosquitto, tmp_path):
    path = Path(__file__).with_name("homeassistant_core.py")
    spec = importlib.util.spec_from_file_location("homeassistant_core", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    core = module.HomeAssistantCore(HASS, tmp_path / "homeassistant", mosquitto.port, port)
    yield core
    core.close()


@pytest.mark.parametrize("discovery", ["entity", "device"])
def test_it_finds_the_device_shows_it_and_mutes_it(discovery, core, mosquitto, event_of, health, until) -> None:
    if discovery == "device" and core.version < (2024, 11):
        pytest.skip("discovery of a device in one payload needs Home Assistant 2024.11 or newer")
    mailbox = Mailbox()
    publisher = Publisher(
        MqttConfig(url=mosquitto.url),
        DeviceConfig(id="kitchen-pi", place="Kitchen"),
        mailbox=mailbox,
        home=HomeAssistantConfig(enabled=True, discovery=discovery),
    )
    publisher.start()
    publisher.publish_health(health)
    publisher.publish_state(event_of().estimate, 1)

    def registered() -> dict[str, bool]:
        entities = core.seen()["registry"].values()
        return {e["unique_id"].removeprefix("emotion-edge-kitchen-pi-"): e["disabled"] for e in entities}

    def state(entity: str) -> str:
        return core.seen()["states"].get(entity, {}).get("state", "")

    until(lambda: len(registered()) == 20, 60)
    disabled = {key for key, off in registered().items() if off}
    assert disabled == {key for key in registered() if key.startswith("probability_")}
    until(lambda: state("sensor.kitchen_emotion") == "happy")
    shown = {entity: state(entity) for entity in core.seen()["states"]}
    assert (
        shown.items()
        >= {
            "sensor.kitchen_confidence": "70.0",
            "sensor.kitchen_valence": "0.62",
            "sensor.kitchen_people": "1",
            "sensor.kitchen_frame_rate": "14.9",
            "sensor.kitchen_latency": "31.0",
            "binary_sensor.kitchen_presence": "on",
            "binary_sensor.kitchen_camera": "on",
            "binary_sensor.kitchen_microphone": "off",
            "switch.kitchen_mute_camera": "off",
        }.items()
    )

    publisher.publish_event(event_of("sad"))
    until(lambda: core.seen()["states"]["event.kitchen_event"]["attributes"].get("emotion") == "sad")
    assert core.seen()["states"]["event.kitchen_event"]["attributes"]["event_type"] == "emotion.change"

    publisher.publish_state(None, 0)
    until(lambda: state("sensor.kitchen_emotion") == "nobody")
    assert state("sensor.kitchen_confidence") == "unknown"

    core.ask("switch", "turn_on", {"entity_id": "switch.kitchen_mute_camera"})
    assert until(lambda: mailbox.take(0.1)).payload == b'{"sensor": "camera", "muted": true}'

    publisher.adopt(MqttConfig(), HomeAssistantConfig(False))
    until(lambda: registered() == {})
    assert publisher.close(5)
    assert "emotion-edge" not in "".join(line for line in core.log.splitlines() if " ERROR " in line)
