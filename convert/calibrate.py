"""Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

_LIMITS = (0.05, 20.0)  # what a model package may hold


def fit_temperature(
    logits: NDArray[np.float32], labels: NDArray[np.int64], classes: NDArray[np.float32] | None = None
) -> float:
    """The temperature with the least mean negative log-likelihood of `labels`.

    Args:
        logits: float32 [N, L] of examples that the model was not trained on.
        labels: int64 [N], indices of the K classes.
        classes: float32 [L, K] of 0 and 1, where the model's own labels are not the classes: which counts as which, a
            row of zeros for one that counts as none. The probabilities of the classes are scaled to 1.
    """
    wide = np.asarray(logits, np.float64)
    matrix = np.eye(wide.shape[1]) if classes is None else np.asarray(classes, np.float64)
    member = matrix.T[labels] > 0
    counted = matrix.any(axis=1)

    def loss(log_temperature: float) -> float:
        scaled = wide / math.exp(log_temperature)
        right = logsumexp(np.where(member, scaled, -np.inf), axis=1)
        return float((logsumexp(scaled[:, counted], axis=1) - right).mean())

    best = minimize_scalar(loss, bounds=tuple(map(math.log, _LIMITS)), method="bounded")
    return round(math.exp(best.x), 4)
