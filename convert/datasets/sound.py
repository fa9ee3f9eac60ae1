"""Read a sound file of any format and rate as the device's audio path would give it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError

RATE_HZ = 16_000


def read_sound(path: Path) -> NDArray[np.float32]:
    """The first sound track of `path`: float32 [N] mono in [-1, 1] at 16 kHz.

    Raises:
        ConfigError: the file cannot be decoded.
    """
    import av

    try:
        with av.open(str(path)) as container:
            # Channels are averaged here: FFmpeg's own mixing to mono adds 3 dB and clips.
            resampler = av.AudioResampler(format="fltp", rate=RATE_HZ)
            frames = [
                piece.to_ndarray().mean(axis=0)
                for frame in (*container.decode(audio=0), None)  # None flushes what the resampler still holds
                for piece in resampler.resample(frame)
            ]
    except (av.FFmpegError, IndexError) as error:
        raise ConfigError(f"{path}: expected a sound file: {error}. Remove it or fetch it again.") from error
    samples = np.concatenate(frames) if frames else np.zeros(0, np.float32)
    return np.clip(samples, -1.0, 1.0).astype(np.float32)


def digest(samples: NDArray[np.float32]) -> str:
    """The same for the same sound, whatever lossless container it lies in: a hash of the samples at 16 bits."""
    return hashlib.sha256(np.rint(samples * 32767).astype(np.int16).tobytes()).hexdigest()
