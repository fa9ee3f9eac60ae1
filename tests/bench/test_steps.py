"""The single steps of `make bench`, with real models and hardly a repetition: every row comes, with each detector."""

from __future__ import annotations

import re

import pytest

from bench.steps import DETECTORS, frame_rows, model, rows
from edge.config import FaceConfig


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_frame_of_either_detector(detector: str):
    told = dict(frame_rows(FaceConfig(detector=detector), model("face", FaceConfig().model), times=2))
    assert told["640x480 frame: detect, follow, align, judge, classify"].endswith("ms of CPU (1 face)")
    assert told["bare model call"].endswith("ms of CPU")
    assert re.fullmatch(r"x \d+\.\d\d", told["  against the sum of bare model calls"])
    assert re.fullmatch(r"x -?\d+\.\d\d", told["  a further face against a bare classifier call"])
    assert re.fullmatch(r"x -?\d+\.\d\d", told["  against one right after another"])


def test_every_row_of_the_defaults():
    told = dict(rows(calls=1, frames=1, sound_s=4))
    for detector in DETECTORS:
        assert told[f"{detector}: 640x480 frame to boxes"].endswith(" ms of CPU")
    assert told["face model, bare call"].endswith(" ms of CPU")
    assert re.search(r"\([1-9]\d* windows in 4 s\)", told["a second of speech: voice activity, MFCC, classify"])
    assert told["  of which MFCC, classify"].endswith(" ms")
    assert "(0 windows in 4 s)" in told["a second of silence: voice activity, MFCC, classify"]
