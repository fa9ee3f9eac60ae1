"""What the augmentation of sounds promises, measured on the sounds."""

from __future__ import annotations

import numpy as np
import pytest

from convert import augment_sounds
from convert.augment_sounds import looped, noise_alone, with_background, with_hiss, with_noise, with_room, with_tempo

TIME_S = np.arange(16_000) / 16_000
TONE = (0.3 * np.sin(2 * np.pi * 440 * TIME_S)).astype(np.float32)


def peak_hz(samples: np.ndarray) -> float:
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    return float(np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax() * 16_000 / len(middle))


@pytest.mark.parametrize("factor", [0.85, 1.15])
def test_tempo_changes_the_length_not_the_pitch(factor):
    changed = with_tempo(TONE, factor)
    assert len(changed) == pytest.approx(16_000 / factor, rel=0.1)
    assert peak_hz(changed) == pytest.approx(440, rel=0.02)


def test_noise_lies_as_far_below_the_speech_as_asked():
    noise = np.random.default_rng(0).normal(0, 1, 16_000).astype(np.float32)
    added = with_noise(TONE, noise, 20.0) - TONE
    assert 10 * np.log10(np.percentile(np.square(TONE), 90) / np.square(added).mean()) == pytest.approx(20, abs=0.1)


def test_half_of_the_sounds_get_a_background_and_it_is_named():
    rng = np.random.default_rng(1)
    noises = [np.full(100, 0.1, np.float32), np.full(50, 0.2, np.float32)]
    chosen = [with_background(TONE, noises, rng)[1] for _ in range(200)]
    assert 70 < chosen.count(-1) < 130
    assert set(chosen) == {-1, 0, 1}
    assert with_background(TONE, [], rng)[1] == -1


def test_a_room_adds_a_tail_and_keeps_the_direct_sound(monkeypatch):
    monkeypatch.setattr(augment_sounds, "_REVERBERATION_PROBABILITY", 1.0)
    click = np.zeros(4000, np.float32)
    click[100] = 0.5
    heard = with_room(click, np.random.default_rng(2))
    assert heard[100] == pytest.approx(0.5, abs=1e-6)
    assert np.abs(heard[:100]).max() < 1e-6
    early, late = np.square(heard[200:1000]).sum(), np.square(heard[3000:3800]).sum()
    assert early > late > 0


def test_noise_alone_fills_any_length_and_stays_in_range():
    rng = np.random.default_rng(3)
    for _ in range(20):
        sound = noise_alone(np.full(700, 0.01, np.float32), 16_000, rng)
        assert sound.shape == (16_000,)
        assert np.abs(sound).max() <= 1
    assert looped(np.arange(3, dtype=np.float32), 7, rng).shape == (7,)


def test_hiss_has_its_level():
    hiss = with_hiss(np.zeros(16_000, np.float32), -60.0, np.random.default_rng(4))
    assert 10 * np.log10(np.square(hiss).mean()) == pytest.approx(-60, abs=0.2)
