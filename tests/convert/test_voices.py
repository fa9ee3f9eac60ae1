from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from convert import voices
from convert.datasets.sound import read_sound
from convert.datasets.speech import load_corpora
from convert.train_speech import SPEECH_INPUT
from convert.voices import centred_window, load_voices, noise_takes, utterance_centre


def _sentence(start: int, length: int, total: int) -> np.ndarray:
    samples = np.zeros(total, np.float32)
    samples[start : start + length] = 0.3 * np.sin(np.arange(length) * 0.1)
    return samples


def test_the_centre_is_that_of_what_is_spoken():
    samples = _sentence(20_000, 16_000, 64_000)
    samples += 1e-4 * np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    assert abs(utterance_centre(samples) - 28_000) <= 160


def test_the_window_holds_a_short_sentence_in_its_middle_over_quiet_hiss():
    window = centred_window(_sentence(1000, 8000, 10_000), SPEECH_INPUT, np.random.default_rng(0))
    assert window.shape == (48_000,)
    assert window.dtype == np.float32
    loud = np.flatnonzero(np.abs(window) > 0.05)
    assert abs((loud[0] + loud[-1]) / 2 - 24_000) <= 200
    hiss_db = 10 * np.log10(np.square(window[:15_000]).mean())
    assert -72 < hiss_db < -68


def test_a_silent_or_empty_clip_gives_a_window_too():
    for samples in (np.zeros(16_000, np.float32), np.zeros(0, np.float32)):
        assert np.isfinite(centred_window(samples, SPEECH_INPUT, np.random.default_rng(0))).all()


def test_an_identical_sound_is_taken_once_and_the_seed_decides(small_corpora):
    clips = [clip for clip in load_corpora(small_corpora) if clip.speaker == "ravdess-05"]
    noise = read_sound(small_corpora / "noise" / "hum.wav")
    first = load_voices(clips, SPEECH_INPUT, 1, [noise])
    assert len(clips) == 9
    assert len(first.clips) == len(set(first.digests)) == 8
    assert first.windows.shape == (8, SPEECH_INPUT.frames, SPEECH_INPUT.values)
    assert first.takes.shape == (80, 249, SPEECH_INPUT.values)
    assert np.bincount(first.take_clip).tolist() == [10] * 8
    assert set(first.take_noise.tolist()) == {-1, 0}
    # Random numbers hang on the sound: some clips alone (the third is there twice) give the same takes.
    again = load_voices(clips[:4], SPEECH_INPUT, 1, [noise])
    assert np.array_equal(again.takes, first.takes[:30])
    assert not np.array_equal(load_voices(clips[:4], SPEECH_INPUT, 2, [noise]).takes, again.takes)


def test_features_are_kept_for_the_same_sounds_and_input_only(small_corpora, tmp_path, monkeypatch):
    clips = load_corpora(small_corpora)[:3]
    kept = tmp_path / "run" / "features.npz"
    first = load_voices(clips, SPEECH_INPUT, 1, [], kept)

    def never(*_):
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr(voices, "frame_values", never)
        again = load_voices(clips, replace(SPEECH_INPUT, mean=(1.0,), deltas=True), 1, [], kept)
        np.testing.assert_array_equal(again.takes, first.takes)
        np.testing.assert_array_equal(again.windows, first.windows)
        with pytest.raises(AssertionError):
            load_voices(clips, SPEECH_INPUT, 2, [], kept)
        with pytest.raises(AssertionError):
            load_voices(clips, replace(SPEECH_INPUT, energy=True), 1, [], kept)


def test_a_file_without_sound_is_left_out(small_corpora, tmp_path, write_wav, caplog):
    silent = replace(load_corpora(small_corpora)[0], path=write_wav(tmp_path / "nothing.wav", np.zeros(16_000)))
    with caplog.at_level(logging.WARNING):
        assert load_voices([silent], SPEECH_INPUT, 1).clips == ()
    assert "nothing.wav: holds no sound" in caplog.text


def test_noise_alone_makes_takes_too(small_corpora):
    made = noise_takes([read_sound(small_corpora / "noise" / "hum.wav")], SPEECH_INPUT, 1)
    assert made.shape == (1, 8, 249, SPEECH_INPUT.values)
    assert np.isfinite(made).all()
    assert noise_takes([], SPEECH_INPUT, 1).shape[0] == 0


def test_without_noises_there_are_no_takes(small_corpora):
    clips = load_corpora(small_corpora)[:2]
    assert len(load_voices(clips, SPEECH_INPUT, 1).takes) == 0
    assert len(load_voices(clips, SPEECH_INPUT, 1, []).takes) == 20
