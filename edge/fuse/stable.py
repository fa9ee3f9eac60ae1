"""From flickering probabilities to a label that a light switch can follow."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.config import FusionConfig
from edge.records import EMOTIONS, UNCERTAIN


class StableEmotion:
    """Smooths probabilities and decides on the label: threshold, hysteresis, minimum dwell.

    - Smoothing is exponential with the time constant `smoothing_ms`, independent of the rate of updates.
    - The candidate is the most probable emotion, or ``uncertain`` if that is below `uncertain_below`; between two
      emotions it must lead by `hysteresis`, and an emotion that holds becomes uncertain only `hysteresis` below the
      threshold.
    - A candidate becomes the label when it has been the candidate for `dwell_ms` without a break.
    """

    def __init__(self, config: FusionConfig) -> None:
        self._config = config
        self._probabilities: NDArray[np.float64] | None = None
        self._updated_ns = 0
        self._forgotten = False
        self._candidate = UNCERTAIN
        self._candidate_ns = 0
        self.label = UNCERTAIN
        self.since_ns = 0

    def adopt(self, config: FusionConfig) -> None:
        """Decide by `config` from the next update on."""
        self._config = config

    def forget(self) -> None:
        """The next update counts alone; the label stays until there is reason for another."""
        self._forgotten = True

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Smoothed probabilities float64 [K]; uniform before the first update."""
        if self._probabilities is None:
            return np.full(len(EMOTIONS), 1 / len(EMOTIONS))
        return self._probabilities

    def update(self, probabilities: NDArray[np.float64], now_ns: int) -> bool:
        """Take float [K] at `now_ns` (never earlier than the last); True if the label changed."""
        if self._probabilities is None:
            self._probabilities = np.array(probabilities, np.float64)
            self.since_ns = self._candidate_ns = now_ns
        else:
            keep = 0.0
            if self._config.smoothing_ms > 0 and not self._forgotten:
                keep = math.exp(-(now_ns - self._updated_ns) / (self._config.smoothing_ms * 1e6))
            self._probabilities = keep * self._probabilities + (1 - keep) * np.asarray(probabilities)
        self._updated_ns = now_ns
        self._forgotten = False
        candidate = self._best()
        if candidate != self._candidate:
            self._candidate, self._candidate_ns = candidate, now_ns
        if candidate == self.label or now_ns - self._candidate_ns < self._config.dwell_ms * 1_000_000:
            return False
        # The emotion began when it became the candidate; dwell only delayed the decision.
        self.label, self.since_ns = candidate, self._candidate_ns
        return True

    def _best(self) -> str:
        smoothed = self.probabilities
        top = int(np.argmax(smoothed))
        if self.label != UNCERTAIN:
            held = EMOTIONS.index(self.label)
            if smoothed[top] - smoothed[held] < self._config.hysteresis:
                top = held
            floor = self._config.uncertain_below - (self._config.hysteresis if top == held else 0)
        else:
            floor = self._config.uncertain_below
        return EMOTIONS[top] if smoothed[top] >= floor else UNCERTAIN
