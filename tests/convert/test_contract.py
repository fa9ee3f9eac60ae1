"""What a model file does not say is given, measured, or asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.contract import Given, are_probabilities, in_emotions, read_given, resolve, usual
from convert.float_model import FloatModel
from edge.errors import ConfigError
from edge.perceive.inputs import FaceInput
from edge.records import EMOTIONS

MODEL = FloatModel(Path("theirs.h5"), b"", (48, 48, 3), 7)
SPEC = FaceInput(48, 48, 3, 0.0, 1.0, 0.0)
TRUTH = np.repeat(np.arange(7), 60)


def judge(right):
    """Answers that are right for a share of TRUTH, which depends on how pixels are prepared."""

    def answer(_model, spec):
        rng = np.random.default_rng(0)
        said = np.where(rng.random(len(TRUTH)) < right(spec), TRUTH, (TRUTH + 1) % 7)
        return np.eye(7, dtype=np.float32)[said] * 8, TRUTH

    return answer


def test_scaling_and_colour_order_are_measured_where_they_are_certain():
    wanted = replace(SPEC, low=0.0, high=255.0, order="bgr")
    run, how = resolve(MODEL, "face", Given(), judge(lambda spec: 0.9 if spec == wanted else 0.4))
    assert run.input == wanted
    assert run.labels == EMOTIONS
    assert how["range"].startswith("measured: right for 86.9 % of 420 labelled faces")
    assert how["crop_margin"].startswith("assumed")


def test_what_is_not_certain_is_asked_for():
    with pytest.raises(ConfigError, match=r"how its pixels are prepared is not certain: .* Say which by --range"):
        resolve(MODEL, "face", Given(), judge(lambda _spec: 0.6))
    with pytest.raises(ConfigError, match=r"without labelled faces: the labels \(--labels\), how pixels are scaled"):
        resolve(MODEL, "face", Given(), None)
    with pytest.raises(ConfigError, match="has 5 outputs: which label is each"):
        resolve(replace(MODEL, classes=5), "face", Given(), judge(lambda _spec: 0.6))
    with pytest.raises(ConfigError, match="has 7 outputs, got 2 labels"):
        resolve(MODEL, "face", Given(("happy", "sad")), None)
    with pytest.raises(ConfigError, match=r"give labels and \[input\] with sample_rate_hz, .* in a TOML file"):
        resolve(MODEL, "speech", Given(), None)


def test_what_is_given_is_not_measured():
    given = Given(("sad", *EMOTIONS[:4], *EMOTIONS[5:]), {"low": -1.0, "high": 1.0, "order": "bgr", "crop_margin": 0.2})
    run, how = resolve(MODEL, "face", given, None)
    assert run.input == FaceInput(48, 48, 3, -1.0, 1.0, 0.2, "bgr")
    assert (run.labels[0], how["range"], how["labels"]) == ("sad", "given", "given")


def test_a_file_and_flags_over_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('labels = ["anger", "joy"]\n[input]\nlow = 0.0\nhigh = 1.0\nmean = [0.5, 0.5, 0.5]\n')
    given = read_given(path, None, {"high": 2.0, "order": None}, "face")
    assert (given.labels, given.value("high"), given.value("mean")) == (("anger", "joy"), 2.0, (0.5, 0.5, 0.5))
    path.write_text("label = 3\n")
    with pytest.raises(ConfigError, match="label: no such key; known are labels"):
        read_given(path, None, {}, "face")
    path.write_text("[input]\nheigth = 3\n")
    with pytest.raises(ConfigError, match=r"\[input\] heigth: no such key for face"):
        read_given(path, None, {}, "face")
    with pytest.raises(ConfigError, match="labels: hungry: expected words for"):
        read_given(None, "happy,hungry", {}, "face")
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        read_given(tmp_path / "none.toml", None, {}, "face")


def test_labels_in_any_order_with_contempt_become_emotions():
    labels = ("contempt", *reversed(EMOTIONS))
    logits = np.zeros((1, 8), np.float32)
    logits[0, labels.index("fear")] = 5
    probabilities = in_emotions(logits, labels)
    assert EMOTIONS[int(probabilities.argmax())] == "fear"
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert are_probabilities(np.full((2, 7), 1 / 7, np.float32))
    assert not are_probabilities(logits)


def test_a_declared_scaling_is_compared_with_every_usual_one_but_itself():
    assert SPEC not in usual(SPEC)
    assert len({*usual(SPEC), SPEC}) == len(usual(SPEC)) + 1 == 5
    assert len(usual(FaceInput(48, 48, 1, -1.0, 1.0, 0.0))) == 2
