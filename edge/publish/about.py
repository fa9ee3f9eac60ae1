"""The payload `info`: what the device is and runs, and what people near it should be told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import edge
from edge.config import DeviceConfig
from edge.publish.payloads import SCHEMA, Body, number
from edge.records import EMOTIONS, ModelInfo

_DISCLOSURE = (
    "This device estimates apparent emotion: how an expression or a voice looks or sounds to others, not what a person "
    "feels. {seen}; only the values described in docs/mqtt.md are published. Each model names the licence of its "
    "training data, which may exclude commercial use."
)
_KEPT = "Images and sound never leave the device and never touch its disk"
_WATCHED = (
    "Images and sound never touch its disk. Images leave the device only while somebody who may do so watches the live "
    "view on its page, sound never"
)
_WORDS = " What is said is turned into words on this device or by the hub, judged by how pleasant the words are, and "
_FORGOTTEN = "forgotten: words are neither kept nor told."
_TOLD = "published as text on the MQTT topic observation/text, because this was asked for in its configuration."


def disclosure(live_view: bool = False, words: bool = False, tells_words: bool = False) -> str:
    """What people near the device should be told.

    Args:
        live_view: pictures may be seen on the local page.
        words: what is said is judged too; `tells_words`: and published.
    """
    text = _DISCLOSURE.format(seen=_WATCHED if live_view else _KEPT)
    return text + (_WORDS + (_TOLD if tells_words else _FORGOTTEN) if words else "")


def info(
    models: Sequence[ModelInfo],
    modalities: Sequence[str],
    observations: bool,
    device: DeviceConfig,
    use: str = "",
    live_view: bool = False,
    tells_words: bool = False,
) -> Body:
    """What this device is: software, models with their hashes and measured figures, what it tells and what never.

    `use`: the declared context of use, e.g. ``home``; `live_view`: pictures may be seen on the local page;
    `tells_words`: observations carry what was said.
    """
    told = [f"observation/{modality}" for modality in modalities] if observations else []
    return {
        "schema": SCHEMA,
        "device": device.name,
        "place": device.place,
        "software": {"name": "emotion-edge", "version": edge.__version__},
        "modalities": list(modalities),
        "emotions": list(EMOTIONS),
        "topics": ["availability", "info", "state", "event", "health", *told],
        "models": [
            {
                "task": model.task,
                "name": model.name,
                "version": model.version,
                "sha256": model.sha256,
                "licence": model.licence,
                "metrics": _figures(model.metrics),
                "accelerator": model.accelerator,
                "accelerator_reason": model.accelerator_reason,
            }
            for model in models
        ],
        "privacy": disclosure(live_view, "text" in modalities, tells_words),
        **({"use": use} if use else {}),
    }


def _figures(value: Any) -> Any:
    """A model's own table of figures, as JSON can carry it: what could not be measured (NaN) is null."""
    if isinstance(value, Mapping):
        return {str(key): _figures(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_figures(entry) for entry in value]
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else None
    return value
