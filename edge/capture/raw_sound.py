"""From the bytes of a sound card to what leaves this room: float32 mono at SAMPLE_RATE_HZ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.capture.source import SAMPLE_RATE_HZ


class RawSound:
    """The sound of one stream: interleaved `channels` at `rate_hz`, as `dtype` int16 or float32 in [-1, 1].

    Output sample k was heard at input time k / SAMPLE_RATE_HZ: the resampler holds sound back, it does not shift it.
    """

    def __init__(self, rate_hz: int, channels: int, dtype: type[np.int16] | type[np.float32]) -> None:
        self._channels = channels
        self._dtype = dtype
        self._resampler: Any = None
        if rate_hz != SAMPLE_RATE_HZ:
            import soxr

            self._resampler = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

    def convert(self, data: bytes) -> NDArray[np.float32]:
        """`data` as float32 [N] in [-1, 1]: the mean of the channels."""
        sound = np.frombuffer(data, self._dtype).reshape(-1, self._channels).mean(axis=1, dtype=np.float32)
        if self._dtype is np.int16:
            sound /= np.float32(32_768)
        if self._resampler is not None:
            sound = self._resampler.resample_chunk(sound)
        sound = np.nan_to_num(sound, nan=0, posinf=1, neginf=-1)  # a float driver may give anything
        return np.asarray(np.clip(sound, -1, 1), np.float32)
