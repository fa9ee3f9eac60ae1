"""From chunks of sound to observations of speech."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.config import SpeechConfig
from edge.demo.clip import synthetic_voice
from edge.perceive.features import frame_values, normalise_frames
from edge.perceive.speech import SpeechPerception
from edge.perceive.vad import CHUNK_SAMPLES, CascadeActivity, SileroActivity
from edge.records import AudioChunk, SpeechObservation

MS = 1_000_000


@pytest.fixture
def perception(shipped) -> SpeechPerception:
    return SpeechPerception(SpeechConfig(), SileroActivity(-55), shipped("speech"))


def listen(perception: SpeechPerception, sound: np.ndarray, start_ns: int = 0) -> list[SpeechObservation]:
    chunks = sound[: len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
    heard = [perception.observe(AudioChunk(c, 16_000, start_ns + n * 32 * MS)) for n, c in enumerate(chunks)]
    return [observation for observation in heard if observation]


def test_a_voice_is_observed_once_a_hop(perception):
    heard = listen(perception, synthetic_voice(10))
    assert len(heard) > 10
    ends = np.array([observation.end_ns for observation in heard])
    assert set(np.diff(ends)) <= {480 * MS, 960 * MS, 1440 * MS}  # 15 chunks a hop; a pause may leave one out
    for observation in heard:
        assert observation.end_ns - observation.start_ns == 3000 * MS
        assert 0.25 <= observation.speech_ratio <= 1
        assert 0 < observation.quality <= 1
        assert observation.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_streaming_gives_the_numbers_of_the_whole_sound_at_once(perception, shipped):
    """The last frame of a window is the last that fits whole: at most a step before the window's end."""
    sound = synthetic_voice(8)
    model = shipped("speech")
    spec = model.package.input
    # Before the sound the window is full of room noise; frames are counted from its first sample.
    room = np.zeros(CHUNK_SAMPLES * -(-spec.window_samples // CHUNK_SAMPLES), np.float32)
    compared = 0
    for observation in listen(perception, sound):
        end = observation.end_ns * 16 // MS
        if end > len(room):  # nothing of the room is left in the window
            values = frame_values(np.concatenate([room, sound[:end]]), spec)[-spec.frames :]
            expected = model.probabilities(normalise_frames(values, spec))
            np.testing.assert_allclose(observation.probabilities, expected, atol=1e-6)
            compared += 1
    assert compared > 5


def test_noise_and_silence_are_not_observed(perception):
    noise = np.random.default_rng(0).normal(0, 0.03, 16_000 * 6).astype(np.float32)
    assert listen(perception, noise) == []
    assert listen(perception, np.zeros(16_000 * 3, np.float32), 6000 * MS) == []


def test_with_the_cascade_a_voice_is_observed_as_early_and_as_much(perception, shipped):
    """Silero is asked late, but of sound that is kept: no observation is the later for it."""
    cascade = SpeechPerception(SpeechConfig(), CascadeActivity(-55), shipped("speech"))
    sound = np.concatenate([np.zeros(8000, np.float32), synthetic_voice(8)])
    asked, always = listen(cascade, sound), listen(perception, sound)
    assert asked[0].end_ns <= always[0].end_ns
    assert len(asked) >= len(always)
    np.testing.assert_array_equal(asked[-1].probabilities, always[-1].probabilities)
    cascade = SpeechPerception(SpeechConfig(), CascadeActivity(-55), shipped("speech"))
    assert listen(cascade, np.random.default_rng(0).normal(0, 0.03, 16_000 * 6).astype(np.float32)) == []


def test_after_speech_it_falls_silent_within_a_hop(perception):
    sound = synthetic_voice(4)
    assert listen(perception, sound)
    # At most the hop in which the last word ended.
    assert all(o.end_ns < 4480 * MS for o in listen(perception, np.zeros(64_000, np.float32), 4000 * MS))


def test_lost_sound_empties_the_window(perception, shipped):
    sound = synthetic_voice(4)
    listen(perception, sound)
    after_loss = listen(perception, sound, 60_000 * MS)
    fresh = SpeechPerception(SpeechConfig(), SileroActivity(-55), shipped("speech"))
    np.testing.assert_array_equal(
        [o.probabilities for o in after_loss], [o.probabilities for o in listen(fresh, sound, 60_000 * MS)]
    )


def test_a_higher_bar_of_speech_is_reached_less_often(shipped):
    strict = SpeechPerception(replace(SpeechConfig(), least_speech_ratio=0.9), SileroActivity(-55), shipped("speech"))
    assert listen(strict, synthetic_voice(8)) == []


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (AudioChunk(np.zeros(511, np.float32), 16_000, 0), "must hold 512 samples at 16000 Hz, got 511 at 16000 Hz"),
        (AudioChunk(np.zeros(512, np.float32), 8_000, 0), "got 512 at 8000 Hz"),
        (AudioChunk(np.full(512, np.nan, np.float32), 16_000, 0), "not finite"),
    ],
)
def test_what_is_no_chunk_is_refused(perception, chunk, message):
    with pytest.raises(ValueError, match=message):
        perception.observe(chunk)
