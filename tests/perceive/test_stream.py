"""A running sound gives the frames that the whole sound gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.perceive import stream
from edge.perceive.features import frame_values
from edge.perceive.inputs import SpeechInput
from edge.perceive.stream import FrameStream

ALIGNED = SpeechInput(16_000, 500, 32, 16, 40, 20, 60, 7000, True, (0.0,) * 23, (1.0,) * 23, pitch=True, energy=True)
ODD = SpeechInput(16_000, 500, 25, 10, 40, 20, 60, 7000, True, (0.0,) * 20, (1.0,) * 20)
SOUND = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)


def newest(samples: np.ndarray, spec: SpeechInput) -> np.ndarray:
    return frame_values(samples, spec)[-spec.frames :]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([ALIGNED, ODD]), st.lists(st.tuples(st.integers(1, 6000), st.booleans()), max_size=20))
def test_windows_are_those_of_the_whole_sound_however_it_comes(spec, pieces):
    frames, heard = FrameStream(spec), 9000
    frames.push(SOUND[:heard])
    for length, asked in pieces:
        frames.push(SOUND[heard : heard + length])
        heard = min(heard + length, len(SOUND))
        if asked:
            np.testing.assert_allclose(frames.window(), newest(SOUND[:heard], spec), atol=1e-4)
    np.testing.assert_allclose(frames.window(), newest(SOUND[:heard], spec), atol=1e-4)


def test_each_frame_is_computed_once_and_those_of_a_long_silence_never(monkeypatch):
    computed = []

    def counting(samples, spec, before=None):
        values = frame_values(samples, spec, before)
        computed.append(len(values))
        return values

    monkeypatch.setattr(stream, "frame_values", counting)
    frames = FrameStream(ALIGNED)
    frames.push(SOUND[:8192])
    assert len(frames.window()) == ALIGNED.frames == sum(computed[:1]) - 1
    computed.clear()
    for start in range(8192, 8192 + 5120, 512):
        frames.push(SOUND[start : start + 512])
    frames.window()
    assert computed == [20]  # ten chunks of two frames each
    frames.push(np.zeros(160_000, np.float32))
    computed.clear()
    frames.window()
    assert sum(computed) == ALIGNED.frames


def test_it_can_begin_anew():
    frames = FrameStream(ALIGNED)
    frames.push(SOUND[:20_000])
    frames.window()
    frames.clear()
    with pytest.raises(ValueError, match="a window needs 30 frames, got 0"):
        frames.window()
    frames.push(SOUND[20_000:30_000])
    np.testing.assert_allclose(frames.window(), newest(SOUND[20_000:30_000], ALIGNED), atol=1e-4)
