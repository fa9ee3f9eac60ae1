from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from convert.datasets.sound import read_sound
from convert.datasets.speech import load_corpora
from convert.train_speech import SPEECH_INPUT, draw_chances, train_speech, with_statistics
from convert.voices import load_voices
from edge.errors import ConfigError
from edge.perceive.features import normalise_frames


@pytest.fixture(scope="module")
def voices(small_corpora: Path):
    return load_voices(load_corpora(small_corpora), SPEECH_INPUT, 1, [read_sound(small_corpora / "noise" / "hum.wav")])


def test_an_emotion_of_a_corpus_is_drawn_by_the_share_of_the_corpus_not_by_its_number_of_clips(voices):
    takes = np.arange(len(voices.takes))
    chances = draw_chances(voices, takes)
    assert chances.sum() == pytest.approx(1)
    shares: Counter[tuple[str, str]] = Counter()
    for clip, chance in zip(voices.take_clip, chances, strict=True):
        shares[voices.clips[clip].corpus, voices.clips[clip].emotion] += chance
    # neutral has twice the clips, since calm counts as neutral too.
    assert shares["ravdess", "neutral"] == pytest.approx(1.4 * shares["ravdess", "sad"])
    shares["ravdess", "neutral"] /= 1.4
    by_corpus = Counter(dict.fromkeys(("ravdess", "tess", "emodb"), 0.0))
    for (corpus, _), share in shares.items():
        by_corpus[corpus] += share
    # Shares are of an emotion: RAVDESS has seven, TESS here three, EMO-DB two.
    assert by_corpus["ravdess"] / by_corpus["tess"] == pytest.approx(0.65 * 7 / (0.2 * 3))
    assert by_corpus["tess"] / by_corpus["emodb"] == pytest.approx(0.2 * 3 / (0.15 * 2))


def test_statistics_make_training_features_standard(voices):
    spec = with_statistics(SPEECH_INPUT, voices.takes)
    frames = np.concatenate([normalise_frames(take.astype(np.float32), spec) for take in voices.takes])
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=0.02)


def test_folds_need_ravdess(tmp_path: Path, write_wav):
    write_wav(tmp_path / "tess" / "OAF_back_sad.wav", 0.1 * np.ones(8000))
    with pytest.raises(ConfigError, match="expected RAVDESS in the folder ravdess"):
        train_speech(tmp_path, tmp_path / "out", folds=True)
    assert not (tmp_path / "out").exists()
