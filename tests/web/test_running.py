"""What the running service shows and takes over HTTP: the same commands, thresholds and numbers as over MQTT."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

TOKENS = {"read": "cmVhZCBvbmx5IG5vdGhpbmcgZWxzZQ", "control": "Y29udHJvbCBvbmx5IG5vdGhpbmcgZWxzZQ"}


@pytest.fixture(scope="module")
def client(device):
    with httpx.Client(base_url=device.url, timeout=60) as client:
        yield client


def test_a_command_is_answered_as_over_mqtt(client, validators):
    answer = client.post("/v1/commands/thresholds", content=b"")
    validators["response"].validate(answer.json())
    before = answer.json()["result"]
    tried = client.post("/v1/commands/thresholds", json={"fusion": {"dwell_ms": 1234}, "face": {"least_quality": 0}})
    assert tried.json()["result"]["fusion"]["dwell_ms"] == 1234
    settings = client.get("/v1/settings").json()
    dwell = settings["thresholds"]["fusion"]["dwell_ms"]
    assert (dwell["in_force"], dwell["file"], dwell["maximum"]) == (1234, 700, 60_000)
    assert "for this long" in dwell["description"]
    for keys in settings["thresholds"].values():
        assert [key for key, told in keys.items() if "description" not in told] == []
    proposal = client.get("/v1/config").json()
    assert "+dwell_ms = 1234" in proposal["diff"]
    assert "+least_quality = 0 " in proposal["diff"]
    assert client.post("/v1/commands/thresholds", json=before).json()["result"] == before
    assert client.put("/v1/config", json={"digest": proposal["digest"]}).status_code == 409
    assert client.get("/v1/config").json()["diff"] == ""


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/v1/commands/privacy", b'{"sensor": "nose", "muted": true}', 422),
        ("POST", "/v1/commands/privacy", b"no JSON", 400),
        ("POST", "/v1/commands/explode", b"{}", 404),
        ("POST", "/v1/commands/ping", b" " * 4097, 413),
        ("POST", "/v1/commands/thresholds", b'{"face": {"model": "/etc"}}', 422),
        ("GET", "/v1/commands/ping", b"", 405),
        ("PUT", "/v1/config", b"{}", 422),
        ("PUT", "/v1/config", b"[1]", 422),
        ("PUT", "/v1/config", b'{"digest": "0"}', 409),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(client, method, path, content, status):
    before = client.get("/v1/settings").json()
    answer = client.request(method, path, content=content)
    assert (answer.status_code, set(answer.json()["error"])) == (status, {"code", "message"})
    assert client.get("/v1/settings").json() == before


def test_the_metrics_are_those_of_health(client):
    health = client.get("/v1/health").json()["service"]
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}
    read = {sample.labels["sensor"]: sample.value for sample in found["emotion_edge_sensor_read"].samples}
    assert read["camera"] >= health["camera"]["read"] > 0
    assert "kitchen" not in answer.text


def test_the_stream_tells_all_that_is_known_and_then_what_changes(client):
    seen: dict[str, object] = {}
    with client.stream("GET", "/v1/now") as stream:
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
                assert seen or name == "hello"
            elif line.startswith("data: "):
                seen[name] = json.loads(line[6:])
            if len(seen) == 7 and seen["sound"]["voice"] is not None:
                break
    assert set(seen) == {"hello", "row", "state", "sound", "settings", "health", "info"} or "event" in seen
    assert (seen["hello"]["device"], seen["hello"]["place"]) == ("kitchen-pi", "kitchen")
    assert seen["hello"]["scopes"] == ["analyze", "control", "read", "view"]
    assert seen["settings"]["muted"] == []
    assert seen["settings"]["view"]["watching"] in (0, 1)
    assert -100 <= seen["sound"]["level_dbfs"] <= 0


def test_the_live_view_is_pictures_with_what_was_seen_in_them(client):
    content = b""
    with client.stream("GET", "/v1/view") as stream:
        assert stream.headers["content-type"] == "multipart/x-mixed-replace; boundary=picture"
        for block in stream.iter_raw():
            content += block
            if content.count(b"--picture") > 2:
                break
    head, _, rest = content.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    length = int(fields["Content-Length"])
    assert rest[length : length + 11] == b"\r\n--picture"
    about = json.loads(fields["X-View"])
    assert cv2.imdecode(np.frombuffer(rest[:length], np.uint8), cv2.IMREAD_COLOR).shape[1] == 320
    assert (about["width_px"], about["height_px"], isinstance(about["faces"], list)) == (320, 240, True)


def test_each_scope_opens_its_own_and_without_a_service_there_is_nothing_to_see(start, tmp_path: Path):
    (tmp_path / "tokens").write_text("".join(f"{name} {name} {token}\n" for name, token in TOKENS.items()))
    server = start(f'tokens_file = "{tmp_path}/tokens"')
    wanted = {
        ("GET", "/v1/now"): "read",
        ("GET", "/v1/settings"): "read",
        ("GET", "/metrics"): "read",
        ("GET", "/v1/view"): "view",
        ("GET", "/v1/config"): "control",
        ("PUT", "/v1/config"): "control",
        ("POST", "/v1/commands/privacy"): "control",
    }
    with server.client() as client:
        for (method, path), scope in wanted.items():
            assert client.request(method, path).status_code == 401
            for name, token in TOKENS.items():
                answer = client.request(method, path, headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == (503 if name == scope else 403)
        start_page = client.get("/")
        assert start_page.status_code == 200
        assert "127.0.0.1" not in start_page.text
        assert client.get("/page/main.js").headers["content-type"].startswith("text/javascript")
        assert client.get("/page/../api.py").status_code == 401
        assert client.get("/page/%2e%2e/api.py").status_code == 404
