"""What a program may ask over HTTP, and what it is told."""

from __future__ import annotations

import http.client
import json
import os
import random
import shlex
import ssl
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from jsonschema import Draft202012Validator

from edge.records import EMOTIONS

JPEG = {"Content-Type": "image/jpeg"}
WAV = {"Content-Type": "audio/wav"}
MKV = {"Content-Type": "video/x-matroska"}
TOKENS = {"read": "cmVhZCBvbmx5IG5vdGhpbmcgZWxzZQ", "analyze": "YW5hbHlzZSBvbmx5IG5vdGhpbmcgZWxzZQ"}


def conforms(answer: httpx.Response, document: dict) -> None:
    """`answer` is one that the document describes for its path."""
    path = answer.request.url.path
    response = document["paths"][path][answer.request.method.lower()]["responses"][str(answer.status_code)]
    content = response["content"][answer.headers["content-type"].partition(";")[0]]
    Draft202012Validator({**content["schema"], "components": document["components"]}).validate(answer.json())


@pytest.fixture(scope="module")
def document(server) -> dict:
    with server.client() as client:
        return client.get("/v1/openapi.json").json()


def test_a_picture(server, jpeg: bytes, document: dict):
    with server.client() as client:
        answer = client.post("/v1/face", content=jpeg, headers=JPEG)
    assert answer.status_code == 200
    conforms(answer, document)
    (face,) = answer.json()["faces"]
    assert (answer.json()["width_px"], max(face["probabilities"], key=face["probabilities"].get)) == (512, "happy")
    assert set(face["probabilities"]) == set(EMOTIONS)


def test_a_voice(server, voice: bytes, document: dict):
    with server.client() as client:
        answer = client.post("/v1/speech", content=voice, headers=WAV)
    conforms(answer, document)
    body = answer.json()
    assert (body["length_s"], len(body["speech"]) >= 2) == (3.008, True)
    assert body["events"][0]["type"] == "presence.start"


def test_a_video(server, video: bytes, document: dict):
    with server.client() as client:
        answer = client.post("/v1/video", content=video, headers=MKV)
    conforms(answer, document)
    body = answer.json()
    assert len(body["faces"]) > 10
    assert {event["subject"] for event in body["events"]} >= {"face-1"}
    assert [event["sequence"] for event in body["events"]] == list(range(1, len(body["events"]) + 1))


def bomb() -> bytes:
    """A PNG of a few dozen kilobytes that claims 20,000 x 20,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    side = 20_000
    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    compressor = zlib.compressobj(9)
    rows = b"".join(compressor.compress(bytes(1 + side * 3)) for _ in range(side // 8)) + compressor.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("path", "headers", "content", "status", "code"),
    [
        ("/v1/face", JPEG, b"hello", 422, "unreadable"),
        ("/v1/face", JPEG, b"", 422, "unreadable"),
        ("/v1/face", {"Content-Type": "text/plain"}, b"hello", 415, "wrong_media_type"),
        ("/v1/face", {}, b"hello", 415, "wrong_media_type"),
        ("/v1/speech", WAV, b"RIFF\x00\x00\x00\x00WAVE", 422, "unreadable"),
        ("/v1/video", MKV, os.urandom(5000), 422, "unreadable"),
        ("/v1/face", JPEG, b"x" * 4_000_001, 413, "too_large"),
        ("/v1/nothing", JPEG, b"x", 404, "not_found"),
        ("/v1/health", JPEG, b"x", 405, "method_not_allowed"),
    ],
)
def test_what_is_wrong_is_said(server, path: str, headers: dict, content: bytes, status: int, code: str):
    with server.client() as client:
        answer = client.post(path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "/proc" not in answer.text


def test_sound_sent_as_a_video_and_what_is_too_long(server, voice: bytes):
    from edge.demo.clip import synthetic_voice
    from tests.web.conftest import wav

    with server.client() as client:
        assert "expected a video, found none" in client.post("/v1/video", content=voice, headers=MKV).text
        long = client.post("/v1/speech", content=wav(synthetic_voice(9)), headers=WAV)
    assert (long.status_code, "at most 8 s" in long.text) == (422, True)


def test_a_picture_that_unpacks_to_a_gigabyte_costs_nothing(server, jpeg: bytes):
    with server.client() as client:
        answer = client.post("/v1/face", content=bomb(), headers={"Content-Type": "image/png"})
        assert answer.status_code == 422
        assert client.post("/v1/face", content=jpeg, headers=JPEG).status_code == 200


def test_fifty_uploads_at_once(server, jpeg: bytes, voice: bytes, document: dict):
    chosen = random.Random(5)
    kinds = [
        ("/v1/face", JPEG, jpeg, 200),
        ("/v1/face", JPEG, jpeg[:3000], None),  # cut: some decoders show what there is
        ("/v1/face", JPEG, b"no picture", 422),
        ("/v1/speech", WAV, voice, 200),
        ("/v1/speech", WAV, voice[:100], None),
        ("/v1/video", MKV, os.urandom(100_000), 422),
        ("/v1/face", {"Content-Type": "text/html"}, b"<html>", 415),
    ]
    asked = [chosen.choice(kinds) for _ in range(50)]

    def send(what: tuple) -> httpx.Response:
        with server.client() as client:
            return client.post(what[0], content=what[2], headers=what[1])

    parent = psutil.Process(server.process.pid)
    most_bytes = 0
    with ThreadPoolExecutor(50) as pool:
        sent = [pool.submit(send, what) for what in asked]
        while wait(sent, timeout=0.1).not_done:
            for_this = [parent.memory_info().rss]
            with suppress(psutil.NoSuchProcess):  # one that an upload brought down
                for_this += [process.memory_info().rss for process in parent.children(recursive=True)]
            most_bytes = max(most_bytes, sum(for_this))
    answers = [each.result() for each in sent]
    for what, answer in zip(asked, answers, strict=True):
        conforms(answer, document)
        if answer.status_code == 503:  # the others took longer than anybody is kept waiting: on a slow machine
            assert "too many uploads wait already" in answer.text
        else:
            assert answer.status_code in ((what[3],) if what[3] else (200, 422))
    assert {200, 415} <= {answer.status_code for answer in answers}
    assert server.process.poll() is None
    assert 50_000_000 < most_bytes < 600_000_000


def test_nothing_that_is_sent_touches_the_disk(server, voice: bytes):
    def written() -> int:
        parent = psutil.Process(server.process.pid)
        return sum(process.io_counters().write_bytes for process in (parent, *parent.children()))

    with server.client() as client:
        client.post("/v1/speech", content=voice, headers=WAV)  # the process that analyses is there now
        before = written()
        assert client.post("/v1/speech", content=voice, headers=WAV).status_code == 200
    assert written() - before < len(voice) / 2


def test_health_and_the_pages(server, document: dict):
    with server.client() as client:
        health = client.get("/v1/health")
        conforms(health, document)
        assert (health.json()["status"], health.json()["service"]) == ("ok", None)
        page = client.get("/v1/docs")
        assert "POST /v1/face" in page.text
        assert (
            "http" not in page.text.replace("API over HTTP", "").replace("application", "").lower().split("</style>")[0]
        )
        assert client.get("/v1/events").status_code == 503
        assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_page_from_elsewhere_in_a_browser_here_is_turned_away(server, jpeg: bytes):
    with server.client() as client:
        foreign = client.post("/v1/face", content=jpeg, headers={**JPEG, "Origin": "https://evil.example"})
        rebound = client.get("/v1/health", headers={"Host": "evil.example"})
    assert (foreign.status_code, rebound.status_code) == (403, 403)


def test_without_a_token_of_the_device_there_is_401_and_nothing_else(
    start, tmp_path: Path, jpeg: bytes, document: dict
):
    (tmp_path / "tokens").write_text(f"panel read {TOKENS['read']}\njob analyze {TOKENS['analyze']}\n")
    server = start(f'tokens_file = "{tmp_path}/tokens"\nrequests_per_minute = 5')
    with server.client() as client:
        same = set()
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKENS['read']}"}):
            # All that there is, what there is not, good media and bad, by any method: nothing tells one from the other.
            for path in (*document["paths"], "/v1/nothing", "/metrics/", "/pages", "/v1/commands/privacy"):
                for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
                    refused = client.request(method, path, content=jpeg, headers={**JPEG, **headers})
                    assert refused.status_code == 401
                    same.add((refused.text, refused.headers["www-authenticate"]))
        assert len(same) == 1
        assert '"unauthorized"' in same.pop()[0]
        reader = {"Authorization": f"Bearer {TOKENS['read']}"}
        worker = {"Authorization": f"Bearer {TOKENS['analyze']}"}
        assert client.get("/v1/health", headers=reader).status_code == 200
        assert client.post("/v1/face", content=jpeg, headers={**JPEG, **reader}).status_code == 403
        assert client.get("/v1/health", headers=worker).status_code == 403
        assert client.post("/v1/face", content=jpeg, headers={**JPEG, **worker}).status_code == 200
    assert TOKENS["read"] not in server.log.read_text()


def test_who_asks_too_often_is_told_to_wait(start):
    server = start("requests_per_minute = 3")
    with server.client() as client:
        answers = [client.get("/v1/health") for _ in range(5)]
    assert [answer.status_code for answer in answers][:3] == [200] * 3
    assert (answers[-1].status_code, int(answers[-1].headers["retry-after"]) >= 1) == (429, True)


def test_an_upload_that_never_ends_is_ended(start):
    server = start("upload_s = 1.0")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("POST", "/v1/face")
    connection.putheader("Content-Type", "image/jpeg")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"only this")
    assert connection.getresponse().status == 408


def test_https_with_a_certificate_of_ones_own(start, tmp_path: Path):
    subject = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 {subject} -keyout key.pem -out cert.pem"
    subprocess.run(shlex.split(command), check=True, capture_output=True, cwd=tmp_path)
    server = start(f'cert_file = "{tmp_path}/cert.pem"\nkey_file = "{tmp_path}/key.pem"')
    with server.client(verify=ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))) as client:
        assert client.get("/v1/health").json()["status"] == "ok"
    assert server.close() == 0


def test_the_document_is_valid_openapi_and_resolves(document: dict):
    assert document["openapi"] == "3.1.0"
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        assert reference.startswith("#/components/schemas/")
        assert reference.rpartition("/")[2] in document["components"]["schemas"]
