"""The tensor that a learned fusion reads: one definition for training and the device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.records import EMOTIONS, Sensed

# What one sense fills: a logit for each emotion, presence, quality, freshness.
_VALUES = len(EMOTIONS) + 3
# All values shall have about the spread of the logits, since one int8 scale serves them all.
_UNIT = 4.0


@dataclass(frozen=True, slots=True)
class FusionInput:
    """How what the senses said becomes a tensor: first the face's values, then the speech's; zeros where one is silent.

    `least_probability` is what a lower one is taken for before the logarithm, `fade_ms` the age at which what was said
    has lost 1 - 1/e of its freshness.
    """

    least_probability: float
    fade_ms: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (2 * _VALUES,)


def fusion_tensor(face: Sensed | None, speech: Sensed | None, spec: FusionInput) -> NDArray[np.float32]:
    """float32 [20]: for each sense its logits (the logarithms of its probabilities less their mean), whether it is
    there at all, its quality and its freshness exp(-age / fade), the last three times 4.
    """
    tensor = np.zeros(spec.shape, np.float32)
    for start, sense in ((0, face), (_VALUES, speech)):
        if sense is None:
            continue
        logs = np.log(np.maximum(sense.probabilities, spec.least_probability))
        tensor[start : start + len(EMOTIONS)] = logs - logs.mean()
        freshness = math.exp(-max(0.0, sense.age_ms) / spec.fade_ms)
        tensor[start + len(EMOTIONS) : start + _VALUES] = np.array((1.0, sense.quality, freshness)) * _UNIT
    return tensor
