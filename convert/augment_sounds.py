"""Other rooms, microphones, voices and backgrounds for a recorded sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, resample_poly

from convert.datasets.sound import RATE_HZ

Sound = NDArray[np.float32]

# As up/down of a resampling, which moves speed and pitch together: up to 10 % either way (Ko et al. 2015).
_SPEEDS = ((10, 11), (15, 16), (1, 1), (16, 15), (10, 9))
_TEMPO_PROBABILITY = 0.5
_TEMPI = (0.85, 1.18)  # the speed alone; with the resampling before it, the pitch alone
_REVERBERATION_PROBABILITY = 0.3
_REVERBERATION_S = (0.15, 0.7)  # time to decay by 60 dB: a furnished room to a bathroom
_REVERBERANT_DB = (-15.0, 0.0)  # energy of the room's sound against the direct one
_LONGEST_TAIL_S = 0.5
_NOISE_PROBABILITY = 0.5
_NOISE_SNR_DB = (0.0, 30.0)
_GAIN_DB = (-15.0, 10.0)
_MICROPHONE_DBFS = (-80.0, -50.0)  # hiss of the microphone and its amplifier
_NOISE_DBFS = (-35.0, -12.0)
_AS_RECORDED_PROBABILITY = 0.2


def with_other_speed(samples: Sound, rng: np.random.Generator) -> Sound:
    """`samples` faster or slower: with the pitch by resampling, and half of the time without it by FFmpeg's atempo."""
    up, down = _SPEEDS[rng.integers(len(_SPEEDS))]
    if up != down:
        samples = resample_poly(samples, up, down).astype(np.float32)
    if rng.random() < _TEMPO_PROBABILITY:
        samples = with_tempo(samples, rng.uniform(*_TEMPI))
    return samples


def with_tempo(samples: Sound, factor: float) -> Sound:
    """float32 [N] -> float32 [about N / factor] of the same pitch."""
    import av

    graph = av.filter.Graph()
    layout = f"sample_rate={RATE_HZ}:sample_fmt=flt:channel_layout=mono:time_base=1/{RATE_HZ}"
    chain = [graph.add("abuffer", layout), graph.add("atempo", f"{factor:.4f}"), graph.add("abuffersink")]
    chain[0].link_to(chain[1])
    chain[1].link_to(chain[2])
    graph.configure()
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[np.newaxis]), format="flt", layout="mono")
    frame.sample_rate, frame.pts = RATE_HZ, 0
    graph.push(frame)
    graph.push(None)
    pieces: list[Sound] = []
    while True:
        try:
            pieces.append(graph.pull().to_ndarray()[0])
        except (av.EOFError, av.BlockingIOError):
            return np.concatenate(pieces) if pieces else samples


def with_room(samples: Sound, rng: np.random.Generator) -> Sound:
    """Sometimes as in a room: with the echo of an impulse response of exponentially decaying noise (Polack 1988)."""
    if rng.random() >= _REVERBERATION_PROBABILITY:
        return samples
    decay_s = rng.uniform(*_REVERBERATION_S)
    length = int(RATE_HZ * min(decay_s, _LONGEST_TAIL_S))
    response = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / RATE_HZ / decay_s)
    response *= 10 ** (rng.uniform(*_REVERBERANT_DB) / 20) / np.sqrt(np.square(response).sum())
    response[0] = 1
    return np.asarray(fftconvolve(samples, response)[: len(samples) + length // 2], np.float32)


def with_background(samples: Sound, noises: Sequence[Sound], rng: np.random.Generator) -> tuple[Sound, int]:
    """Half of the time with one of `noises` behind; the sound and the index of the noise, or -1."""
    if not noises or rng.random() >= _NOISE_PROBABILITY:
        return samples, -1
    index = int(rng.integers(len(noises)))
    noise = looped(noises[index], len(samples), rng)
    return with_noise(samples, noise, rng.uniform(*_NOISE_SNR_DB)), index


def with_noise(samples: Sound, noise: Sound, snr_db: float) -> Sound:
    """`samples` with `noise`, both float32 [N], `snr_db` below the spoken part: its loudest tenth stands for it."""
    power = np.percentile(np.square(samples), 90)
    loudness = np.sqrt(power / 10 ** (snr_db / 10) / (np.square(noise).mean() + 1e-10))
    return np.asarray(samples + noise * loudness)


def looped(noise: Sound, length: int, rng: np.random.Generator) -> Sound:
    """`length` samples of `noise` from anywhere on, again and again where it is shorter."""
    return np.resize(np.roll(noise, rng.integers(len(noise))), length)


def as_recorded(samples: Sound, rng: np.random.Generator) -> Sound:
    """`samples` by a microphone of another gain and hiss."""
    return with_hiss(samples * 10 ** (rng.uniform(*_GAIN_DB) / 20), rng.uniform(*_MICROPHONE_DBFS), rng)


def noise_alone(noise: Sound, length: int, rng: np.random.Generator) -> Sound:
    """`length` samples of `noise` without anybody who speaks, mostly at a level at which one speaks."""
    sound = looped(noise, length, rng)
    if rng.random() < _AS_RECORDED_PROBABILITY:
        sound = sound * 10 ** (rng.uniform(*_GAIN_DB) / 20)
    else:
        sound = sound * 10 ** (rng.uniform(*_NOISE_DBFS) / 20) / np.sqrt(np.square(sound).mean() + 1e-10)
    return with_hiss(sound, rng.uniform(*_MICROPHONE_DBFS), rng)


def with_hiss(samples: Sound, level_dbfs: float, rng: np.random.Generator) -> Sound:
    """`samples` with white noise of `level_dbfs`, clipped to [-1, 1]."""
    hiss = rng.standard_normal(len(samples), np.float32) * np.float32(10 ** (level_dbfs / 20))
    return np.asarray(np.clip(samples + hiss, -1.0, 1.0), np.float32)
