from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from convert.datasets.speech import FOLDS, Clip, check_no_leak, load_corpora
from edge.errors import ConfigError


def test_official_names_give_corpus_speaker_and_emotion(small_corpora):
    clips = {clip.path.name: clip for clip in load_corpora(small_corpora)}
    found = {name: (clip.corpus, clip.speaker, clip.emotion) for name, clip in clips.items()}
    assert found["03-01-02-01-01-01-05.wav"] == ("ravdess", "ravdess-05", "neutral")  # calm counts as neutral
    assert found["03-01-08-01-01-01-06.wav"] == ("ravdess", "ravdess-06", "surprise")
    assert found["OAF_back_ps.wav"] == ("tess", "tess-OAF", "surprise")
    assert found["OA_bite_neutral.wav"] == ("tess", "tess-OAF", "neutral")
    assert found["03a01Wa.wav"] == ("emodb", "emodb-03", "angry")
    assert "03a01La.wav" not in found  # boredom is none of the seven


def test_crema_and_savee_are_read_as_their_authors_give_them(tmp_path: Path):
    names = ("crema/AudioWAV/1001_DFA_ANG_XX.wav", "savee/AudioData/DC/sa01.wav", "savee/JK_su02.wav")
    # What else lies in their archives.
    others = ("crema/AudioMP3/1001_DFA_ANG_XX.mp3", "crema/VideoDemographics.csv", "savee/AudioData/Info.txt")
    for name in names + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = {clip.path.name: (clip.corpus, clip.speaker, clip.emotion) for clip in load_corpora(tmp_path)}
    assert found == {
        "1001_DFA_ANG_XX.wav": ("crema", "crema-1001", "angry"),
        "sa01.wav": ("savee", "savee-DC", "sad"),
        "JK_su02.wav": ("savee", "savee-JK", "surprise"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "savee/XX/sa01.wav",
        "crema/1001_DFA_BOR_XX.wav",
        "ravdess/talk.wav",
        "ravdess/03-02-01-01-01-01-01.wav",
        "tess/OAF_back_bored.wav",
        "emodb/03a01Xa.wav",
    ],
)
def test_a_foreign_file_is_named(tmp_path: Path, name: str):
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=Path(name).name):
        load_corpora(tmp_path)


def test_no_corpus_says_what_was_expected(tmp_path: Path):
    with pytest.raises(ConfigError, match="ravdess, crema, savee, tess, emodb, found none"):
        load_corpora(tmp_path)


def test_folds_are_six_of_four_actors_and_share_none():
    actors = [actor for fold in FOLDS for actor in fold]
    assert [len(fold) for fold in FOLDS] == [4] * 6
    assert len(set(actors)) == 24
    assert FOLDS[1] == ("ravdess-05", "ravdess-06", "ravdess-07", "ravdess-08")


def test_leaks_are_refused():
    one, same, other = (Clip(Path(f"{name}.wav"), "ravdess", f"ravdess-0{name}", "sad") for name in (1, 1, 2))
    check_no_leak([(one, "a")], [(other, "b")])
    with pytest.raises(ConfigError, match="speaker ravdess-01"):
        check_no_leak([(one, "a")], [(same, "b")])
    with pytest.raises(ConfigError, match=r"2\.wav.*identical to 1\.wav"):
        check_no_leak([(one, "a")], [(other, "a")])


def test_the_real_packs(packs):
    clips = load_corpora(packs("ravdess").parent)
    counts = Counter((clip.corpus, clip.emotion) for clip in clips)
    assert counts["ravdess", "neutral"] == 288
    assert counts["ravdess", "sad"] == 192
    assert Counter(clip.corpus for clip in clips) == {"ravdess": 1440, "tess": 2800, "emodb": 339}
    # The packs' own tables say the same as the authors' file names.
    for corpus in ("tess", "emodb"):
        with (packs(corpus) / "labels.csv").open(newline="") as file:
            table = {row["file"]: row["emotion"] for row in csv.DictReader(file)}
        assert {clip.path.name: clip.emotion for clip in clips if clip.corpus == corpus} == table
