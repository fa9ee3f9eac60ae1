"""The numbers of health for Prometheus, on this machine only: a loopback port, or a socket in the file system."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edge.errors import ConfigError
from edge.installation import install_extra

_LOG = logging.getLogger(__name__)
_PREFIX = "emotion_edge_"
#: Counts since the start; everything else goes up and down.
_COUNTERS = (
    *("read", "dropped", "reopened", "faces_observed", "speech_observed", "text_observed", "text_dropped"),
    *("faces_not_judged", "events", "skipped", "reconnects"),
)


class Numbers:
    """The newest health report, as prometheus_client collects it."""

    def __init__(self) -> None:
        self._report: Mapping[str, Any] = {}

    def note(self, report: Mapping[str, Any]) -> None:
        """The health report to tell from now on."""
        self._report = report

    def exposition(self) -> tuple[bytes, str]:
        """The text that Prometheus reads, and its content type.

        Raises:
            ImportError: prometheus-client is not installed.
        """
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Any]:
        """Called by prometheus_client for each request."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        families: dict[str, Any] = {}
        for name, labels, value in _numbers(self._report):
            counts = name in _COUNTERS or name.endswith(_COUNTERS)
            if name not in families:
                kind = CounterMetricFamily if counts else GaugeMetricFamily
                families[name] = kind(
                    _PREFIX + name, f"{name} of health, see docs/mqtt.md", labels=[n for n, _ in labels]
                )
            families[name].add_metric([text for _, text in labels], value)
        yield from families.values()


class Metrics(Numbers):
    """Serves the newest health report at /metrics.

    Args:
        address: ``127.0.0.1:PORT``, ``[::1]:PORT`` or ``unix:PATH``.

    Raises:
        ConfigError: prometheus-client is not installed, or the address cannot be had.
    """

    def __init__(self, address: str) -> None:
        try:
            from prometheus_client import CollectorRegistry
            from prometheus_client.exposition import MetricsHandler
        except ImportError as error:
            raise ConfigError(
                f"[metrics] enabled: needs prometheus-client ({error}). Install it with: {install_extra('metrics')}"
            ) from error
        super().__init__()
        registry = CollectorRegistry()
        registry.register(self)
        try:
            self._server = _server(address, MetricsHandler.factory(registry))
        except OSError as error:
            raise ConfigError(f"[metrics] address: {address}: {error.strerror or error}. Choose another") from error
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        _LOG.info("metrics at %s", address)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _numbers(report: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]], float]]:
    """Name, labels and value of each number in a health report; states as 0 and 1."""
    for key, value in report.items():
        if key == "schema":
            continue
        if key in ("camera", "microphone"):
            labels = [("sensor", key)]
            yield "sensor_up", labels, float(value["state"] == "ok")
            for name, number in value.items():
                if isinstance(number, (int, float)):
                    yield f"sensor_{name}", labels, float(number)
        elif key == "mqtt":
            for name, number in value.items():
                if isinstance(number, (int, float)):
                    yield f"mqtt_{name}", [], float(number)
            yield "mqtt_outbox_on_disk", [], float(value["outbox"]["storage"] == "disk")
        elif key == "faces_not_judged":
            for reason, count in value.items():
                yield key, [("reason", reason)], float(count)
        elif key == "throttled":
            yield "throttled", [], float(bool(value))
        elif isinstance(value, (int, float)):
            yield key, [], float(value)


def _server(address: str, handler: Any) -> ThreadingHTTPServer:
    if address.startswith("unix:"):
        path = Path(address[len("unix:") :])
        if path.is_socket():
            path.unlink()  # of a process that was killed

        class Local(ThreadingHTTPServer):
            address_family = socket.AF_UNIX

            def server_bind(self) -> None:
                self.socket.bind(self.server_address)  # the parent's would look for a host name
                self.server_name, self.server_port = "localhost", 0

            def get_request(self) -> Any:
                return self.socket.accept()[0], ("local", 0)

        return Local(str(path), handler)  # type: ignore[arg-type]
    host, _, port = address.rpartition(":")

    class Loopback(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Loopback((host.strip("[]"), int(port)), handler)
