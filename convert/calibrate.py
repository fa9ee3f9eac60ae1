"""Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

_LIMITS = (0.05, 20.0)  # what a model package may hold


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature with the least mean negative log-likelihood of `labels`.

    Args:
        logits: float32 [N, K] of examples that the model was not trained on.
        labels: int64 [N], indices of the K.
    """
    wide = np.asarray(logits, np.float64)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(wide / math.exp(log_temperature), axis=1)[rows, labels].mean())

    best = minimize_scalar(loss, bounds=tuple(map(math.log, _LIMITS)), method="bounded")
    return round(math.exp(best.x), 4)
