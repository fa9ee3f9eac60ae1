"""Senses that are wrong in ways of their own."""

from __future__ import annotations

import numpy as np

from convert.pairs import Said


def sense(seed: int, confused: tuple[int, int], count: int = 140) -> Said:
    """Right with 0.6 where it is sure, and blind to the difference between two emotions."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 7
    logits = rng.normal(0, 0.8, (count, 7))
    logits[np.arange(count), labels] += 2.0
    logits[:, confused] = logits[:, confused].mean(axis=1, keepdims=True) + rng.normal(0, 0.1, (count, 2))
    powers = np.exp(logits)
    return Said((powers / powers.sum(axis=1, keepdims=True)).astype(np.float32), labels, np.ones(count, np.float32))


def noise(seed: int) -> Said:
    spoken = sense(seed, (0, 1), 42)
    return Said(np.roll(spoken.probabilities, 3, axis=0), spoken.labels, np.full(42, 0.2, np.float32))
