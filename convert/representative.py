"""Balanced, seeded choices of examples."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

#: So many examples measure the ranges of activations, unless another number is asked for.
COUNT = 350
SEED = 7


def balanced(groups: Sequence[Hashable], count: int = COUNT) -> NDArray[np.int64]:
    """Indices of at most `count` items, as evenly from all `groups` as they allow, in ascending order."""
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(groups))
    taken: dict[Hashable, int] = {}
    ranked = []
    for index in order:
        taken[groups[index]] = taken.get(groups[index], 0) + 1
        ranked.append((taken[groups[index]], int(index)))
    return np.array(sorted(index for _, index in sorted(ranked)[:count]), np.int64)
