from __future__ import annotations

import csv
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.datasets.sound import read_sound
from convert.datasets.speech import load_corpora
from convert.run import read_run
from convert.train_speech import RECIPE, SPEECH_INPUT, draw_chances, train_speech, with_statistics
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


def test_crema_and_savee_are_trained_on_and_left_out_in_turn(tmp_path: Path, write_wav):
    rng = np.random.default_rng(3)

    def tone(pitch_hz: float, rate_hz: int) -> np.ndarray:
        time_s = np.arange(rate_hz // 2) / rate_hz
        return 0.3 * np.sin(2 * np.pi * pitch_hz * time_s) + 0.002 * rng.standard_normal(len(time_s))

    data, out = tmp_path / "data", tmp_path / "out"
    for number, (crema, savee) in enumerate((("ANG", "a"), ("SAD", "sa"), ("HAP", "h"))):
        for actor, speaker in ((1001, "DC"), (1002, "KL")):
            write_wav(data / "crema" / "AudioWAV" / f"{actor}_IEO_{crema}_LO.wav", tone(200 + 90 * number, 16_000))
            savee_wav = data / "savee" / "AudioData" / speaker / f"{savee}01.wav"
            write_wav(savee_wav, tone(190 + 90 * number, 44_100), rate_hz=44_100)
    train_speech(data, out, replace(RECIPE, batch=8), architecture="svm", corpora=True)
    told = {folder.name: read_run(folder).about for folder in (out, out / "without-crema", out / "without-savee")}
    assert told["out"]["data"] == ["crema", "savee"]
    assert told["without-crema"]["held_out"] == ["crema-1001", "crema-1002"]
    assert (told["without-savee"]["data"], told["without-savee"]["clips"]) == (["crema"], 6)
    with (out / "trained_on.csv").open(newline="") as file:
        assert Counter(row["corpus"] for row in csv.DictReader(file)) == {"crema": 6, "savee": 6}


def test_something_must_be_asked_for(small_corpora: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="expected --folds or --corpora with --held-out-only"):
        train_speech(small_corpora, tmp_path / "out", whole=False)


def test_a_student_learns_from_the_models_of_its_own_splits(small_corpora: Path, tmp_path: Path):
    """A teacher's fold is asked for the same fold, so that no held-out voice comes by it."""
    recipe, data, teacher = replace(RECIPE, batch=8), tmp_path / "data", tmp_path / "teacher"
    for corpus in ("tess", "emodb"):
        shutil.copytree(small_corpora / corpus, data / corpus)
    train_speech(data, teacher, recipe, architecture="svm", corpora=True, whole=False)
    kept = teacher / "features.npz"
    out = tmp_path / "out"
    train_speech(data, out, recipe, architecture="elm", corpora=True, whole=False, teachers=[teacher], kept=kept)
    assert read_run(out / "without-tess").about["teachers"] == ["svm"]
    assert not (out / "features.npz").exists()
    # The teacher has no model of all speakers.
    with pytest.raises(ConfigError, match=r"teacher/run\.json: cannot be read"):
        train_speech(data, tmp_path / "no", recipe, architecture="elm", teachers=[teacher], kept=kept)
