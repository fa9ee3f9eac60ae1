"""Cutting sound of any length into chunks of CHUNK_SAMPLES."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.capture.source import CHUNK_SAMPLES


class ChunkCutter:
    """Takes float32 [N] and gives float32 [CHUNK_SAMPLES]; the rest waits for more."""

    def __init__(self) -> None:
        self._rest: NDArray[np.float32] = np.empty(0, np.float32)

    def cut(self, samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        sound = np.concatenate((self._rest, samples))
        whole = len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES
        self._rest = sound[whole:]
        return iter(sound[:whole].reshape(-1, CHUNK_SAMPLES).copy())

    def last(self) -> Iterator[NDArray[np.float32]]:
        """The rest, if any, filled up with silence."""
        if len(self._rest):
            yield from self.cut(np.zeros(CHUNK_SAMPLES - len(self._rest), np.float32))
