"""The arithmetic of fusion: pooling of probabilities, agreement, valence and arousal. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.records import EMOTIONS

# Pleasure (valence) and arousal of the words angry, disgusted, fearful, happy, sad, surprised and neutral: the means
# of Russell and Mehrabian (1977), "Evidence for a three-factor theory of emotions", Journal of Research in
# Personality 11, 273-294; neutral is the origin by definition. The plane is Russell's (1980) circumplex.
_CIRCUMPLEX = {
    "angry": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "happy": (0.81, 0.51),
    "sad": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
    "neutral": (0.0, 0.0),
}
_COORDINATES = np.array([_CIRCUMPLEX[emotion] for emotion in EMOTIONS])

# No probability is taken for less: a model that is sure of the impossible must not veto the other sense for ever.
_LEAST_PROBABILITY = 1e-4


def log_linear_pool(
    probabilities: Sequence[NDArray[np.float32]], weights: Sequence[float], trust: float
) -> NDArray[np.float64]:
    """The logarithmic opinion pool p ~ prod p_i^(trust w_i / sum w) (Genest and Zidek 1986), normalised.

    Args:
        probabilities: calibrated, float [K] each, at least one.
        weights: of each opinion, at least 0; only their ratios count. All 0 gives the uniform distribution.
        trust: in [0, 1]; below 1 the pool is flattened towards uniform, so that poor evidence cannot be sure.

    Returns:
        float64 [K], sums to 1.
    """
    total = sum(weights)
    if total <= 0:
        return np.full(len(EMOTIONS), 1 / len(EMOTIONS))
    logs = sum(
        (trust * weight / total) * np.log(np.maximum(np.asarray(p, np.float64), _LEAST_PROBABILITY))
        for p, weight in zip(probabilities, weights, strict=True)
    )
    powers = np.exp(logs - np.max(logs))
    return np.asarray(powers / powers.sum())


def linear_pool(
    probabilities: Sequence[NDArray[np.float32]], weights: Sequence[float], trust: float
) -> NDArray[np.float64]:
    """The linear opinion pool, the weighted average (Stone 1961); arguments and result as `log_linear_pool`'s.

    With a `trust` below 1 the rest is the uniform distribution.
    """
    total = sum(weights)
    if total <= 0:
        return np.full(len(EMOTIONS), 1 / len(EMOTIONS))
    mean = sum(weight / total * np.asarray(p, np.float64) for p, weight in zip(probabilities, weights, strict=True))
    return np.asarray(trust * mean + (1 - trust) / len(EMOTIONS))


def max_pool(
    probabilities: Sequence[NDArray[np.float32]], weights: Sequence[float], trust: float
) -> NDArray[np.float64]:
    """For each emotion what the sense says that is surest of it, by its weight (the max rule of Kittler et al. 1998).

    Arguments and result as `linear_pool`'s.
    """
    total = sum(weights)
    if total <= 0:
        return np.full(len(EMOTIONS), 1 / len(EMOTIONS))
    weighted = [weight * np.asarray(p, np.float64) for p, weight in zip(probabilities, weights, strict=True)]
    highest = np.max(weighted, axis=0)
    return np.asarray(trust * highest / highest.sum() + (1 - trust) / len(EMOTIONS))


#: The rules by the name that the configuration uses.
POOLS = {"log_linear": log_linear_pool, "average": linear_pool, "max": max_pool}


def agreement(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """1 - Jensen-Shannon divergence (Lin 1991) in bits of two float [K]: 1 the same, 0 nothing in common."""
    p, q = np.asarray(first, np.float64), np.asarray(second, np.float64)
    middle = (p + q) / 2
    divergence = 0.0
    for side in (p, q):
        some = side > 0
        divergence += 0.5 * float(np.sum(side[some] * np.log2(side[some] / middle[some])))
    return min(1.0, max(0.0, 1 - divergence))


def valence_arousal(probabilities: NDArray[np.float64]) -> tuple[float, float]:
    """Expected valence and arousal, each in [-1, 1], under float [K]."""
    valence, arousal = np.asarray(probabilities, np.float64) @ _COORDINATES
    return float(valence), float(arousal)


def faded(age_ns: int, fade_ms: int) -> float:
    """How much an observation of this age still counts: exp(-age / fade), 1 for age <= 0."""
    return math.exp(-max(0, age_ns) / (fade_ms * 1e6))
