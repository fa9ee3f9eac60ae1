"""Float and converted detector side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convert.datasets.photos import Photo
from convert.detection_figures import ranked
from convert.detection_gate import compare_detections, faces_found
from convert.gate import Limits, losses
from edge.perceive.detector import Detection
from edge.records import Box

COUNT = 40


def _photos() -> list[Photo]:
    """One face each, every second one turned to the side."""
    frontal = np.array([[20, 20], [40, 20], [30, 30], [22, 40], [38, 40]], np.float32)
    turned = frontal + np.array([[0, 0], [0, 0], [14, 0], [0, 0], [0, 0]], np.float32)
    box = np.array([[10, 10, 40, 40]], np.float32)
    return [
        Photo(Path(str(n)), box, (turned if n % 2 else frontal)[np.newaxis], np.zeros(1, bool)) for n in range(COUNT)
    ]


def _found(missed: range) -> list[list[Detection]]:
    """A right answer in each photo but `missed`, and a wrong one, less sure, in every tenth."""
    right, wrong = Detection(Box(11, 9, 40, 41), 0.8), Detection(Box(200, 200, 30, 30), 0.6)
    return [[right] * (n not in missed) + [wrong] * (n % 10 == 0) for n in range(COUNT)]


def test_equal_answers_lose_nothing():
    compared = compare_detections(_photos(), _found(range(0)), _found(range(0)), [100] * COUNT, 0.4, 2)
    assert (compared["float"]["ap"], compared["drop"], compared["drop_interval"]) == (1.0, 0.0, [0.0, 0.0])
    assert (compared["changed_decisions"], compared["count"]) == (0, COUNT)
    assert losses(compared, Limits(), "", "int8") == []


def test_a_loss_is_told_in_points_and_by_the_kind_of_face_that_it_is_of():
    turned = range(1, 20, 2)
    compared = compare_detections(_photos(), _found(range(0)), _found(turned), [100] * COUNT, 0.4, 2)
    assert compared["converted"]["ap"] == pytest.approx(0.75)
    assert compared["drop"] == 25
    assert 10 < compared["drop_interval"][0] < 25 < compared["drop_interval"][1] < 42
    assert compared["changed_decisions"] == 0.25
    assert compared["classes"]["turned faces"]["converted"] == 0.5
    assert compared["classes"]["frontal faces"]["drop"] == 0
    findings = losses(compared, Limits(), "head/Conv2D", "int8")
    assert [finding.what for finding in findings] == ["ap", "class", "class"]
    assert findings[0].message.startswith("average precision falls by 25.00 points")
    assert "the recall of turned faces falls by 50.00 points" in findings[1].message
    assert "finetune" not in findings[0].advice  # it brought nothing to the one detector that it was tried on


def test_what_scores_like_a_false_positive_too_many_is_not_found():
    right, wrong = Detection(Box(11, 9, 40, 41), 0.5), Detection(Box(200, 200, 30, 30), 0.5)
    tied = ranked(_photos(), [[right, wrong]] * COUNT, 0.4)
    assert not faces_found(tied, 2).any()
    surer = [Detection(right.box, 0.6)]
    assert faces_found(ranked(_photos(), [surer, *[[right, wrong]] * (COUNT - 1)], 0.4), 2).sum() == 1
