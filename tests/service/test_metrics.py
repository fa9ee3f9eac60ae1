"""Prometheus' own parser reads what is served, over a real port and a real socket."""

from __future__ import annotations

import socket
import urllib.request

import pytest

pytest.importorskip("prometheus_client", reason="needs the extra `metrics`")
from prometheus_client.parser import text_string_to_metric_families

from edge.errors import ConfigError
from edge.service.metrics import Metrics

REPORT = {
    "schema": 1,
    "device": "kitchen-pi",
    "uptime_s": 12.5,
    "camera": {
        "state": "ok",
        "reason": "",
        "source": "v4l2:0",
        "rate_hz": 14.9,
        "read": 300,
        "dropped": 2,
        "reopened": 0,
    },
    "microphone": {
        "state": "down",
        "reason": "gone",
        "source": "x",
        "rate_hz": 0.0,
        "read": 0,
        "dropped": 0,
        "reopened": 1,
    },
    "faces_not_judged": {"turned away": 5120, "blurred": 77},
    "events": 7,
    "latency_p95_ms": None,
    "throttled": ["throttled"],
    "clock_synchronized": True,
    "mqtt": {"connected": True, "protocol": "5", "queued": 3, "outbox": {"storage": "disk", "problem": ""}},
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def parsed(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_numbers_are_those_of_health():
    port = free_port()
    metrics = Metrics(f"127.0.0.1:{port}")
    try:
        metrics.note(REPORT)
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    finally:
        metrics.close()
    found = parsed(text)
    assert found["emotion_edge_uptime_s", ""] == 12.5
    assert found["emotion_edge_sensor_up", "camera"] == 1
    assert found["emotion_edge_sensor_up", "microphone"] == 0
    assert found["emotion_edge_sensor_read_total", "camera"] == 300
    assert found["emotion_edge_events_total", ""] == 7
    assert found["emotion_edge_faces_not_judged_total", "turned away"] == 5120
    assert found["emotion_edge_faces_not_judged_total", "blurred"] == 77
    assert found["emotion_edge_mqtt_queued", ""] == 3
    assert found["emotion_edge_mqtt_outbox_on_disk", ""] == 1
    assert found["emotion_edge_throttled", ""] == 1
    assert ("emotion_edge_latency_p95_ms", "") not in found
    assert "kitchen-pi" not in text


def test_a_socket_in_the_file_system(tmp_path):
    path = tmp_path / "metrics"
    for _ in range(2):  # the second finds the socket that a killed one left
        metrics = Metrics(f"unix:{path}")
        metrics.note(REPORT)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(path))
            client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            answer = b""
            while block := client.recv(65536):
                answer += block
        metrics.close()
        assert parsed(answer.partition(b"\r\n\r\n")[2].decode())["emotion_edge_events_total", ""] == 7


def test_a_port_that_is_taken_is_told_of():
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ConfigError, match="Choose another"):
        Metrics(f"127.0.0.1:{other.getsockname()[1]}")
