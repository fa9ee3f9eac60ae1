import numpy as np
import pytest

from edge.capture.raw_sound import RawSound
from tests.capture.recordings import loudest_hz


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (48_000, 2), (44_100, 6)])
def test_any_card_gives_the_same_sound_at_the_same_time(dtype, rate_hz, channels):
    pytest.importorskip("soxr")
    times = np.arange(2 * rate_hz) / rate_hz
    wave = 0.5 * np.sin(2 * np.pi * 440 * times) * (times >= 0.5)  # begins after half a second
    samples = np.repeat(wave, channels) * (32_767 if dtype is np.int16 else 1)
    raw = RawSound(rate_hz, channels, dtype)
    data = samples.astype(dtype).tobytes()
    block = rate_hz * 512 // 16_000 * channels * np.dtype(dtype).itemsize
    sound = np.concatenate([raw.convert(data[begin : begin + block]) for begin in range(0, len(data), block)])
    assert sound.dtype == np.float32
    assert len(sound) / 16_000 == pytest.approx(2, abs=0.1)  # what the resampler holds back is short
    assert loudest_hz(sound[9_000:25_000]) == pytest.approx(440, abs=1)
    assert np.abs(sound[9_000:25_000]).max() == pytest.approx(0.5, abs=0.01)
    assert np.flatnonzero(np.abs(sound) > 0.05)[0] / 16_000 == pytest.approx(0.5, abs=0.001)


def test_loud_channels_are_averaged_not_added():
    pair = np.stack([np.full(512, 30_000), np.full(512, 10_000)], axis=1).astype(np.int16)
    assert np.allclose(RawSound(16_000, 2, np.int16).convert(pair.tobytes()), 20_000 / 32_768)
