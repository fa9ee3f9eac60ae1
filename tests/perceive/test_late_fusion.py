"""The shipped fusion, as the service asks it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.perceive.late_fusion import LearnedFusion
from edge.perceive.package import find_package, load_package
from edge.perceive.runtime import Model
from edge.records import EMOTIONS, Sensed


@pytest.fixture(scope="module")
def fusion() -> LearnedFusion:
    return LearnedFusion(Model(load_package(find_package("fusion"), "fusion")))


def said(emotion: str, share: float = 0.7, quality: float = 0.9, age_ms: float = 100) -> Sensed:
    others = (1 - share) / (len(EMOTIONS) - 1)
    return Sensed(np.array([share if name == emotion else others for name in EMOTIONS], np.float32), quality, age_ms)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_senses_that_agree_are_believed(fusion, emotion):
    probabilities = fusion(said(emotion), said(emotion))
    assert EMOTIONS[int(probabilities.argmax())] == emotion
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_the_better_and_fresher_sense_counts_more(fusion):
    happy = EMOTIONS.index("happy")
    good = fusion(said("happy"), said("sad", quality=0.1))[happy]
    assert good > fusion(said("happy", quality=0.1), said("sad"))[happy]
    assert (
        fusion(said("happy"), said("sad", age_ms=4000))[happy] > fusion(said("happy", age_ms=4000), said("sad"))[happy]
    )
