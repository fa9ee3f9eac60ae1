"""Recordings that the tests make themselves, and how they are read."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from edge.config import ReplayConfig

FAST = ReplayConfig(pace="fast")

#: The clip's pattern: in each second from this moment, for this long, the picture is bright and a tone sounds.
BURST_AT_S = 0.4
BURST_S = 0.2
TONE_HZ = 1000.0
FPS = 25


def is_burst(time_s):
    """Whether the pattern is on at `time_s` (a number or an array)."""
    phase = np.asarray(time_s) % 1.0
    return (phase >= BURST_AT_S - 1e-9) & (phase < BURST_AT_S + BURST_S - 1e-9)


def write_clip(
    path: Path, *, seconds: float = 3.0, rate_hz: int = 44_100, sound_delay_s: float = 0.0, sound: bool = True
) -> Path:
    """A video of 160x120 with stereo sound; `sound_delay_s` is where in the clip the sound track begins."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FPS)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        video.bit_rate = 1_000_000
        audio = (
            container.add_stream("aac" if path.suffix in {".mp4", ".ts"} else "flac", rate=rate_hz) if sound else None
        )
        if audio is not None:
            audio.layout = "stereo"
        for number in range(round(seconds * FPS)):
            picture = np.full((120, 160, 3), 230 if is_burst(number / FPS) else 20, np.uint8)
            picture[40:80, (number * 2) % 150 : (number * 2) % 150 + 10] = 128
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is None:
            return path
        times = np.arange(round(sound_delay_s * rate_hz), round(seconds * rate_hz)) / rate_hz
        wave = (np.sin(2 * np.pi * TONE_HZ * times) * 0.5 * is_burst(times)).astype(np.float32)
        for begin in range(0, len(wave), 1024):
            part = np.ascontiguousarray(np.stack([wave[begin : begin + 1024]] * 2))
            sound_frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
            sound_frame.sample_rate = rate_hz
            sound_frame.pts = begin + round(sound_delay_s * rate_hz)
            if audio.codec_context.name == "flac":
                sound_frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray((part.T * 32767).astype(np.int16).reshape(1, -1)), "s16", "stereo"
                )
                sound_frame.sample_rate = rate_hz
                sound_frame.pts = begin + round(sound_delay_s * rate_hz)
            container.mux(audio.encode(sound_frame))
        container.mux(audio.encode())
    return path


def read_all(source) -> list:
    """Everything a recording gives, opened and closed around it."""
    source.open()
    try:
        return list(iter(source.read, None))
    finally:
        source.close()


def loudest_hz(samples, rate_hz: int = 16_000) -> float:
    """The frequency with the most energy."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))
