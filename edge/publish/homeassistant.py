"""What Home Assistant is told of this device, as topics and payloads. Pure; who sends them is `Announcer`.

The rules are those of Home Assistant's MQTT discovery (https://www.home-assistant.io/integrations/mqtt/): since 2024.11
one payload a device, before that (and still) one an entity. tests/publish/test_homeassistant.py lists them.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, get_args

import edge
from edge.config import DeviceConfig, HomeAssistantConfig
from edge.publish.payloads import Body
from edge.records import EMOTIONS, UNCERTAIN, EventType

#: Where Home Assistant tells that it has started: ``online``.
BIRTH = "status"
#: The state of the sensor `emotion` while nobody is there; an enum has no empty value.
NOBODY = "nobody"


def announcements(home: HomeAssistantConfig, device: DeviceConfig, root: str) -> dict[str, Body]:
    """Retained payloads by topic, as `home` asks for; empty when it is off. `root` ends with a slash."""
    if not home.enabled:
        return {}
    node = node_id(device.name)
    about: Body = {"device": _device(device), "origin": _origin()}
    available = {"availability_topic": f"{root}availability"}
    entities = _entities(root)
    for key, entity in entities.items():
        entity["unique_id"] = f"emotion-edge-{device.name}-{key}"
    if home.discovery == "device":
        return {f"{home.prefix}/device/{node}/config": {**about, **available, "qos": 1, "components": entities}}
    payloads = {}
    for key, entity in entities.items():
        platform = entity.pop("platform")
        payloads[f"{home.prefix}/{platform}/{node}/{key}/config"] = {**about, **available, "qos": 1, **entity}
    return payloads


def node_id(name: str) -> str:
    """`name` as discovery topics allow it: letters, digits, ``_`` and ``-``; two names never become one."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _device(device: DeviceConfig) -> Body:
    about: Body = {
        "identifiers": [f"emotion-edge-{device.name}"],
        "name": device.place or device.name,
        "manufacturer": "emotion-edge",
        "model": "Apparent emotion from face and voice",
        "sw_version": edge.__version__,
    }
    if device.place:
        about["suggested_area"] = device.place
    return about


def _origin() -> Body:
    return {"name": "emotion-edge", "sw_version": edge.__version__}


def _entities(root: str) -> dict[str, Body]:
    """Each entity's own part, with its platform, by a key that never changes: Home Assistant's memory hangs on it."""
    state = f"{root}state"
    return {
        "emotion": _sensor(
            "Emotion",
            state,
            f"{{{{ value_json.emotion or '{NOBODY}' }}}}",
            icon="mdi:emoticon-outline",
            device_class="enum",
            options=[*EMOTIONS, UNCERTAIN, NOBODY],
            json_attributes_topic=state,
            json_attributes_template=(
                "{{ {'subject': value_json.subject, 'since': value_json.since, "
                "'probabilities': value_json.probabilities} | tojson }}"
            ),
        ),
        "confidence": _percent("Confidence", state, "value_json.confidence"),
        **{
            f"probability_{emotion}": _percent(
                f"Probability of {emotion}",
                state,
                f"(value_json.probabilities or {{}}).get('{emotion}')",
                enabled_by_default=False,
            )
            for emotion in EMOTIONS
        },
        "valence": _measured("Valence", state, "{{ value_json.valence }}", icon="mdi:emoticon-happy-outline"),
        "arousal": _measured("Arousal", state, "{{ value_json.arousal }}", icon="mdi:lightning-bolt-outline"),
        "people": _measured("People", state, "{{ value_json.people }}", icon="mdi:account-group"),
        "fps": _measured(
            "Frame rate",
            f"{root}health",
            "{{ value_json.camera.rate_hz | round(1) }}",
            unit_of_measurement="Hz",
            device_class="frequency",
            entity_category="diagnostic",
        ),
        "latency": _measured(
            "Latency",
            f"{root}health",
            "{{ value_json.latency_p50_ms }}",
            unit_of_measurement="ms",
            device_class="duration",
            entity_category="diagnostic",
        ),
        "presence": _binary("Presence", state, "value_json.people > 0", device_class="occupancy"),
        "camera": _running("Camera", root),
        "microphone": _running("Microphone", root),
        "mute_camera": _mute("camera", "mdi:camera-off", root),
        "mute_microphone": _mute("microphone", "mdi:microphone-off", root),
        "event": {
            "platform": "event",
            "name": "Event",
            "icon": "mdi:emoticon-outline",
            "state_topic": f"{root}event",
            "event_types": list(get_args(EventType)),
            # History is no news: what was late renders to nothing, which Home Assistant passes over.
            "value_template": (
                "{% if not value_json.late %}{{ {'event_type': value_json.type, 'subject': value_json.subject, "
                "'emotion': value_json.emotion, 'previous': value_json.previous, 'confidence': value_json.confidence, "
                "'valence': value_json.valence, 'arousal': value_json.arousal, "
                "'duration_ms': value_json.duration_ms, 'id': value_json.id} | tojson }}{% endif %}"
            ),
        },
    }


def _sensor(name: str, topic: str, template: str, **more: Any) -> Body:
    return {"platform": "sensor", "name": name, "state_topic": topic, "value_template": template, **more}


def _measured(name: str, topic: str, template: str, **more: Any) -> Body:
    # A null renders to "None", which Home Assistant shows as unknown.
    return _sensor(name, topic, template, state_class="measurement", **more)


def _percent(name: str, topic: str, value: str, **more: Any) -> Body:
    template = f"{{% set p = {value} %}}{{{{ none if p is none else (100 * p) | round(1) }}}}"
    return _measured(name, topic, template, icon="mdi:percent", unit_of_measurement="%", **more)


def _binary(name: str, topic: str, condition: str, **more: Any) -> Body:
    template = f"{{{{ 'ON' if {condition} else 'OFF' }}}}"
    return {"platform": "binary_sensor", "name": name, "state_topic": topic, "value_template": template, **more}


def _running(name: str, root: str) -> Body:
    condition = f"value_json.{name.lower()}.state == 'ok'"
    return _binary(name, f"{root}health", condition, device_class="running", entity_category="diagnostic")


def _mute(sensor: str, icon: str, root: str) -> Body:
    return {
        "platform": "switch",
        "name": f"Mute {sensor}",
        "icon": icon,
        "command_topic": f"{root}command/privacy",
        "payload_on": json.dumps({"sensor": sensor, "muted": True}),
        "payload_off": json.dumps({"sensor": sensor, "muted": False}),
        "state_topic": f"{root}health",
        "state_on": "ON",
        "state_off": "OFF",
        "value_template": f"{{{{ 'ON' if value_json.{sensor}.state == 'muted' else 'OFF' }}}}",
    }
