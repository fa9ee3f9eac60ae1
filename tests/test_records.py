from __future__ import annotations

import numpy as np
import pytest

from edge.records import (
    EMOTIONS,
    UNCERTAIN,
    AudioChunk,
    Box,
    FaceObservation,
    SpeechObservation,
    TextObservation,
    modality_of,
)

EQUAL = np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (Box(10, 20, 40, 30), 1.0),
        (Box(30, 20, 40, 30), 1 / 3),  # half of each
        (Box(10, 20, 20, 15), 1 / 4),  # inside
        (Box(50, 20, 40, 30), 0.0),  # side by side
        (Box(10, 60, 40, 30), 0.0),  # apart
        (Box(10, 20, 0, 0), 0.0),
    ],
)
def test_intersection_over_union_is_that_of_the_areas_whichever_comes_first(other: Box, share: float) -> None:
    box = Box(10, 20, 40, 30)
    assert box.iou(other) == pytest.approx(share)
    assert other.iou(box) == pytest.approx(share)


def test_a_chunk_ends_where_the_next_begins() -> None:
    start_ns = 10**15 + 1  # a machine that runs for days: no rounding to float
    chunk = AudioChunk(np.zeros(512, np.float32), 16_000, start_ns)
    assert chunk.end_ns == start_ns + 32_000_000
    assert AudioChunk(np.zeros(1, np.float32), 44_100, 0).end_ns == 22_675


def test_each_observation_is_of_one_sense() -> None:
    seen = FaceObservation(1, Box(0, 0, 1, 1), 0.9, 0.9, EQUAL, 0)
    assert modality_of(seen) == "face"
    assert modality_of(SpeechObservation(0.5, 0.9, EQUAL, 0, 1)) == "speech"
    assert modality_of(TextObservation(0.9, EQUAL, 0)) == "text"


def test_emotions_keep_the_order_that_packages_and_payloads_rely_on() -> None:
    assert EMOTIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert UNCERTAIN not in EMOTIONS
