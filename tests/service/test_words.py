"""The third sense in the real service: words of the hub through a real broker, and no trace of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import paho.mqtt.client as paho
import pytest

SAID = "what a wonderful zanzibar"


@pytest.fixture
def hub(mosquitto):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def service(start, configure, mosquitto, clip, tmp_path, **text):
    path = configure(
        device={"id": "test"},
        camera={"source": f"file:{clip}"},
        microphone={"enabled": False},
        replay={"repeat": True},
        mqtt={"url": mosquitto.url, "observations": True},
        health={"interval_s": 0.5},
        log={"level": "DEBUG"},
        text=text,
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "STATE_DIRECTORY": str(tmp_path / "state")}
    (tmp_path / "state").mkdir()
    return start("run", "--config", path, env=environment)


def say(hub, subscriber, wanted) -> None:
    """Say it until it is heard: a device that is just connecting has not subscribed yet."""
    deadline = time.monotonic() + 60
    while not wanted(subscriber):
        assert time.monotonic() < deadline, "not heard"
        hub.publish("hermes/asr/textCaptured", json.dumps({"text": SAID, "siteId": "kitchen"}), qos=1)
        time.sleep(1)


def with_words(subscriber) -> list:
    return [each for each in subscriber.on("event") if "text" in each.json()["modalities"]] or [
        each for each in subscriber.on("state") if "text" in (each.json()["modalities"] or {})
    ]


def test_words_of_the_hub_join_fusion_and_leave_no_trace(
    start, configure, mosquitto, clip, subscriber, validators, hub, tmp_path
):
    running = service(start, configure, mosquitto, clip, tmp_path, enabled=True, source="hub")
    subscriber.wait_for(lambda s: s.on("health"), 60)
    say(hub, subscriber, lambda s: s.on("observation/text") and with_words(s))
    observation = subscriber.on("observation/text")[0].json()
    validators["observation-text"].validate(observation)
    assert "words" not in observation
    assert observation["probabilities"]["happy"] > 0.4
    info = subscriber.on("info")[-1].json()
    validators["info"].validate(info)
    assert info["modalities"] == ["face", "text"]
    assert "words are neither kept nor told" in info["privacy"]
    health = subscriber.wait_for(lambda s: [each for each in s.on("health") if each.json()["text_observed"]])[-1].json()
    validators["health"].validate(health)
    running.process.terminate()
    assert running.wait() == 0
    told = b"".join(bytes(each.payload) for each in subscriber.messages if each.topic.startswith("emotion/"))
    files = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert b"outbox" in b"".join(path.name.encode() for path in (tmp_path / "state").iterdir())
    for place in (told, files, running.log.encode()):
        assert b"zanzibar" not in place.lower()


def test_words_are_told_only_when_asked_for(start, configure, mosquitto, clip, subscriber, validators, hub, tmp_path):
    service(start, configure, mosquitto, clip, tmp_path, enabled=True, source="hub", publish_words=True)
    subscriber.wait_for(lambda s: s.on("health"), 60)
    say(hub, subscriber, lambda s: s.on("observation/text"))
    observation = subscriber.on("observation/text")[0].json()
    validators["observation-text"].validate(observation)
    assert observation["words"] == SAID
    assert "published as text" in subscriber.on("info")[-1].json()["privacy"]
    # Who mutes the microphone wants no words judged, wherever they come from.
    hub.publish("emotion/test/command/privacy", json.dumps({"sensor": "microphone", "muted": True}), qos=1)
    subscriber.wait_for(lambda s: s.on("response/privacy"), 30)
    heard = len(subscriber.on("observation/text"))
    for _ in range(3):
        hub.publish("hermes/asr/textCaptured", SAID, qos=1)
    time.sleep(2)
    assert len(subscriber.on("observation/text")) == heard


def test_switched_off_nothing_is_asked_for_and_nothing_known(
    start, configure, mosquitto, clip, subscriber, hub, tmp_path
):
    running = service(start, configure, mosquitto, clip, tmp_path, source="hub", publish_words=True)
    subscriber.wait_for(lambda s: s.on("health"), 60)
    told = len(subscriber.on("health"))
    hub.publish("hermes/asr/textCaptured", json.dumps({"text": SAID}), qos=1).wait_for_publish(10)
    health = subscriber.wait_for(lambda s: s.on("health")[told + 2 :], 30)[-1].json()
    assert (health["text_observed"], health["text_dropped"]) == (0, 0)
    info = subscriber.on("info")[-1].json()
    assert info["modalities"] == ["face"]
    assert "words" not in info["privacy"]
    running.process.terminate()
    assert running.wait() == 0
    assert "emotion/test/command/" in mosquitto.log.read_text()  # what it asks for is in the broker's log
    assert not [line for line in mosquitto.log.read_text().splitlines() if "hermes" in line and "QoS" in line]
    assert not subscriber.on("observation/text")
    files = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    mine = b"".join(bytes(each.payload) for each in subscriber.messages if each.topic.startswith("emotion/"))
    assert b"zanzibar" not in files + mine + running.log.encode()


def test_switched_off_neither_recognition_nor_sentiment_is_loaded():
    code = """
import sys
from edge.config import Config
from edge.service.pipeline import build_pipeline
assert build_pipeline(Config()).words is None
print({"pocketsphinx", "sherpa_onnx", "vaderSentiment"} & set(sys.modules))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True).stdout
    assert said == "set()\n"


def test_a_sentence_that_is_recognised_here_leaves_no_trace_either(
    start, configure, mosquitto, subscriber, packs, tmp_path
):
    """RAVDESS: "Kids are talking by the door"."""
    sentence = packs("ravdess") / "03-01-03-01-01-01-01.flac"
    (tmp_path / "state").mkdir()
    path = configure(
        device={"id": "test"},
        camera={"enabled": False},
        microphone={"source": f"file:{sentence}"},
        replay={"repeat": True},
        mqtt={"url": mosquitto.url, "observations": True},
        health={"interval_s": 0.5},
        log={"level": "DEBUG"},
        text={"enabled": True, "source": "pocketsphinx"},
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "STATE_DIRECTORY": str(tmp_path / "state")}
    running = start("run", "--config", path, env=environment)
    observation = subscriber.wait_for(lambda s: s.on("observation/text"), 100)[0].json()
    assert "words" not in observation
    running.process.terminate()
    assert running.wait() == 0
    files = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    told = b"".join(bytes(each.payload) for each in subscriber.messages)
    for word in (b"kids", b"talking"):
        assert word not in (files + told + running.log.encode().replace(str(sentence).encode(), b"")).lower()


def test_words_without_a_microphone_or_a_hub_are_refused(start, configure):
    refused = start("run", "--config", configure(microphone={"enabled": False}, text={"enabled": True}))
    assert refused.wait() == 2
    assert "[text] needs a microphone, or transcripts of the hub" in refused.log
