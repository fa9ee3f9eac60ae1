"""The signals of a vehicle to an Eclipse KUKSA databroker, by kuksa-client (extra `vehicle`), in its own thread."""

from __future__ import annotations

import logging
import random
import threading
from pathlib import Path
from typing import Any

from edge.config import VehicleConfig
from edge.errors import ConfigError, PublishError
from edge.installation import install_extra

Signals = dict[str, Any]
"""VSS path -> value."""

_log = logging.getLogger(__name__)

#: For each call to the databroker.
_ANSWER_S = 5.0
#: The longest pause between two attempts: the first, and the one that it grows to.
_PAUSE_S = (1.0, 60.0)


class Databroker:
    """Sets the newest values, as soon as the databroker takes them; what was replaced meanwhile is not missed.

    Raises:
        ConfigError: kuksa-client is not installed, or the address cannot be one.
        PublishError: the token cannot be read.
    """

    def __init__(self, vehicle: VehicleConfig) -> None:
        host, _, port = vehicle.databroker.rpartition(":")
        if not host or not port.isdigit():
            raise ConfigError(f"[vehicle] databroker: expected host:port, got {vehicle.databroker!r}")
        token = _token(vehicle.token_file)
        try:
            from kuksa_client.grpc import Datapoint, VSSClient
        except ImportError as error:
            raise ConfigError(
                f"[vehicle] databroker: {vehicle.databroker} needs the package kuksa-client, which is missing. "
                f"Install it with: {install_extra('vehicle')}"
            ) from error
        self._datapoint = Datapoint
        self._client: Any = VSSClient(
            host,
            int(port),
            token=token,
            root_certificates=Path(vehicle.ca_file) if vehicle.ca_file else None,
            ensure_startup_connection=False,  # that question has no time limit
        )
        self._address = vehicle.databroker
        self._news = threading.Condition()
        self._values: Signals = {}
        self._sent: Signals = {}
        self._closing = False
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="databroker", daemon=True)

    def start(self) -> None:
        """Connect in the background; a databroker that is not there is a warning in the log, and is tried again."""
        self._thread.start()

    def put(self, values: Signals) -> None:
        """Take the newest values; any thread."""
        with self._news:
            self._values = values
            self._news.notify()

    def close(self, timeout_s: float) -> None:
        with self._news:
            self._closing = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        longest_s = _PAUSE_S[0]
        while not self._closing:
            try:
                self._client.connect()
                self._serve()
            except Exception as failure:
                # kuksa-client raises its own errors, those of gRPC, and bare ones: none may end this thread.
                self._tell(failure)
            finally:
                self._client.disconnect()
            if self._sent:
                longest_s = _PAUSE_S[0]
            with self._news:
                self._news.wait_for(lambda: self._closing, random.uniform(longest_s / 2, longest_s))  # noqa: S311
            longest_s = min(2 * longest_s, _PAUSE_S[1])

    def _serve(self) -> None:
        self._sent = {}  # a databroker that was started again knows nothing
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closing or self._values != self._sent)
                if self._values == self._sent:
                    return
                values = dict(self._values)
            changed = {path: value for path, value in values.items() if self._sent.get(path) != value}
            self._client.set_current_values(
                {path: self._datapoint(value) for path, value in changed.items()}, timeout=_ANSWER_S
            )
            if not self._sent:
                self._told = ""
                _log.info("the databroker %s takes our signals", self._address)
            self._sent = values

    def _tell(self, failure: Exception) -> None:
        reason = " ".join(str(failure).split())[:300]
        level = logging.DEBUG if reason == self._told else logging.WARNING
        _log.log(
            level,
            "[vehicle] databroker %s: %s. Check the address, the token, and that it was started with the signals of "
            "docs/vehicle/apparent-emotion.vspec. Trying again",
            self._address,
            reason,
        )
        self._told = reason


def _token(token_file: str) -> str | None:
    if not token_file:
        return None
    try:
        return Path(token_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise PublishError(
            f"[vehicle] token_file: {token_file}: {reason}: expected the databroker's token, readable by this user"
        ) from error
