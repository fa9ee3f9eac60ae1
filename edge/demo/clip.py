"""The demo's clip: a window that moves over a public-domain portrait, and a synthetic voice.

The face of astronaut Eileen Collins (NASA, public domain, carried by scikit-image) enters, stays and leaves. The voice
is made of harmonics and formants: nobody's, saying nothing, but a voice to the voice detector.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import EdgeError
from edge.installation import install_extra

FPS = 15
SECONDS = 14
_SIZE = (640, 480)
_RATE_HZ = 16_000

# First three formants in Hz of the vowels in "father, heed, who, head, hot": averages of men's voices, Peterson and
# Barney (1952), "Control methods used in a study of the vowels".
_VOWELS_HZ = np.array([(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410)])


def write_clip(path: Path, seconds: int = SECONDS, size: tuple[int, int] = _SIZE) -> None:
    """Write the clip at `FPS`, in `size` (width and height in pixels), as a video file with sound.

    Raises:
        EdgeError: the libraries of the extra ``demo`` are missing.
    """
    try:
        import av
        from skimage.data import astronaut
    except ImportError as error:
        raise EdgeError(
            f"demo: expected PyAV and scikit-image, got: {error}. Install them with: {install_extra('demo')}"
        ) from error
    portrait = np.asarray(astronaut(), np.uint8)
    sound = (synthetic_voice(seconds) * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS, options={"qscale": "3"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=_RATE_HZ, layout="mono")
        step = _RATE_HZ // FPS
        for number in range(FPS * seconds):
            picture = av.VideoFrame.from_ndarray(_view(portrait, number / (FPS * seconds), size), format="rgb24")
            container.mux(video.encode(picture))
            block = sound[np.newaxis, number * step : (number + 1) * step]
            samples = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="s16", layout="mono")
            samples.sample_rate, samples.pts = _RATE_HZ, number * step
            samples.time_base = Fraction(1, _RATE_HZ)
            container.mux(audio.encode(samples))
        for stream in (video, audio):
            container.mux(stream.encode(None))


def _view(portrait: NDArray[np.uint8], progress: float, size: tuple[int, int]) -> NDArray[np.uint8]:
    """What the demo's camera sees at `progress` in [0, 1): uint8 [H, W, 3] RGB of `size` (W, H).

    The window slides so that the face (at 170..280, 70..200 of the portrait) comes in from the right within the first
    quarter, stays, and is gone to the left in the last; on a plain wall where the window leaves the portrait.
    """
    width, height = 272, 204
    left = np.interp(progress, (0, 0.25, 0.75, 1), (-width - 20, 90, 90, 440))
    top = np.interp(progress, (0, 0.5, 1), (20, 40, 20))
    move = np.float64([[1, 0, -left], [0, 1, -top]])  # type: ignore[arg-type]
    view = cv2.warpAffine(portrait, move, (width, height), borderMode=cv2.BORDER_CONSTANT, borderValue=(96, 96, 96))
    return np.asarray(cv2.resize(view, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def synthetic_voice(seconds: float, pitch_hz: float = 120.0, syllables_hz: float = 4.0) -> NDArray[np.float32]:
    """Babble of vowels at 16 kHz, float32 [N] in [-1, 1]: additive synthesis with formants (Fant 1960).

    The same every time. Phrases of 1.3 s are followed by pauses of 0.3 s.
    """
    rng = np.random.default_rng(1)
    time_s = np.arange(int(seconds * _RATE_HZ)) / _RATE_HZ
    count = int(seconds * syllables_hz) + 2
    order = rng.integers(len(_VOWELS_HZ), size=count)
    # Each vowel is held and glides into the next within 80 ms.
    glides_s = (np.repeat(np.arange(count) / syllables_hz, 2) + np.tile([-0.04, 0.04], count))[1:]
    phrase_s = time_s % 1.6
    pitch = pitch_hz * (1 + 0.12 * np.sin(2 * np.pi * 0.6 * time_s)) * (1 - 0.1 * phrase_s / 1.6)
    phase = 2 * np.pi * np.cumsum(pitch) / _RATE_HZ
    formants = [np.interp(time_s, glides_s, np.repeat(_VOWELS_HZ[order, f], 2)[1:]) for f in range(3)]
    voice = np.zeros(len(time_s))
    for harmonic in range(1, 40):
        frequency = harmonic * pitch
        amplitude = np.zeros(len(time_s))
        for formant, width_hz, gain in zip(formants, (80, 100, 140), (1.0, 0.5, 0.25), strict=True):
            amplitude += gain / (1 + ((frequency - formant) / width_hz) ** 2)
        voice += amplitude * (frequency < 7500) / harmonic**0.3 * np.sin(harmonic * phase)
    syllable = (time_s * syllables_hz) % 1
    loudness = (0.25 + 0.75 * np.clip(1.6 * np.sin(np.pi * syllable), 0, 1)) * (phrase_s < 1.3)
    loudness = np.convolve(loudness, np.ones(320) / 320, "same")
    hiss = 0.03 * np.diff(rng.normal(size=len(time_s) + 1)) * ((syllable < 0.15) & (phrase_s < 1.3))
    return np.asarray(0.4 * (voice * loudness / np.abs(voice).max() + hiss), np.float32)
