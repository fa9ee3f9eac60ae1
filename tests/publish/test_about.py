"""What the device says of itself is true."""

from __future__ import annotations

import json

import pytest

from edge.config import DeviceConfig
from edge.publish.about import disclosure, info
from edge.publish.payloads import encode


@pytest.mark.parametrize(
    ("allowed", "said", "unsaid"),
    [
        ({}, "Images and sound never leave the device", "words"),
        ({"live_view": True}, "watches the live view", "never leave"),
        ({"words": True}, "words are neither kept nor told", "observation/text"),
        ({"words": True, "tells_words": True}, "published as text on the MQTT topic observation/text", "neither kept"),
    ],
)
def test_people_are_told_what_is_allowed(allowed, said, unsaid) -> None:
    text = disclosure(**allowed)
    assert said in text
    assert unsaid not in text
    assert text.endswith(".")


def test_a_sense_that_is_on_is_disclosed(validators) -> None:
    body = info([], ["face", "text"], True, DeviceConfig(id="pi"), "home")
    validators["info"].validate(body)
    assert "turned into words" in body["privacy"]
    assert body["topics"][-2:] == ["observation/face", "observation/text"]


def test_figures_that_are_not_finite_are_null_and_others_are_kept(models) -> None:
    metrics = json.loads(encode(info(models, ["face"], False, DeviceConfig(id="pi"))))["models"][0]["metrics"]
    assert metrics == {"int8": {"accuracy": 0.6512, "ece": None}, "classes": ["angry", "happy"], "samples": 3589}
