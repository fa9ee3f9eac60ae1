"""The current state as signals of a vehicle: the branch of docs/vehicle/apparent-emotion.vspec, a COVESA VSS overlay.

The primary subject, the largest face, is taken for the driver: point the camera so that this is true.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from edge.config import VehicleConfig
from edge.publish import payloads
from edge.publish.databroker import Databroker, Signals
from edge.publish.latest import Latest

_BRANCH = "Vehicle.Driver.ApparentEmotion"
_NOBODY = "NOBODY"


class Signal(NamedTuple):
    """A topic and what is published there."""

    topic: str
    payload: bytes


def signals(state: Mapping[str, Any]) -> Signals:
    """VSS path -> value, from a payload of ``state``. VSS has no null: with nobody there the label says so."""
    nobody = state["emotion"] is None
    return {
        f"{_BRANCH}.Label": _NOBODY if nobody else state["emotion"].upper(),
        f"{_BRANCH}.Confidence": 0.0 if nobody else round(100 * state["confidence"], 2),  # percent, as VSS has it
        f"{_BRANCH}.Valence": 0.0 if nobody else state["valence"],
        f"{_BRANCH}.Arousal": 0.0 if nobody else state["arousal"],
        "Vehicle.Cabin.PeopleInView": min(state["people"], 255),  # uint8
    }


class Vehicle:
    """The signals as MQTT topics, path by path, retained, on change, at most `hz` times a second; and to a databroker
    where one is named.

    Raises:
        ConfigError, PublishError: the databroker cannot be used as configured.
    """

    def __init__(self, vehicle: VehicleConfig, hz: float) -> None:
        self._base = vehicle.base_topic.rstrip("/") + "/"
        self._hz = hz
        self._databroker = Databroker(vehicle) if vehicle.databroker else None
        self._lock = threading.Lock()
        self._latest: dict[str, Latest] = {}

    def start(self) -> None:
        if self._databroker is not None:
            self._databroker.start()

    def close(self, timeout_s: float) -> None:
        if self._databroker is not None:
            self._databroker.close(timeout_s)

    def put(self, state: Mapping[str, Any]) -> None:
        """Take the values of a payload of ``state``."""
        values = signals(state)
        if self._databroker is not None:
            self._databroker.put(values)
        with self._lock:
            for path, value in values.items():
                latest = self._latest.setdefault(path, Latest(1 / self._hz))
                latest.put({"value": value, "time": state["time"]})

    def adopt_hz(self, hz: float) -> None:
        """Hold signals back by this rate from now on."""
        with self._lock:
            self._hz = hz
            for latest in self._latest.values():
                latest.interval_s = 1 / hz

    def repeat(self) -> None:
        """There is a new connection, and it knows nothing."""
        with self._lock:
            for latest in self._latest.values():
                latest.repeat()

    def take(self, now_ns: int) -> Signal | None:
        """The next signal that is due: the caller publishes it."""
        with self._lock:
            for path, latest in self._latest.items():
                if body := latest.take(now_ns):
                    return Signal(self._base + path.replace(".", "/"), payloads.encode(body))
        return None
