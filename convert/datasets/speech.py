"""Acted speech: RAVDESS, CREMA-D, SAVEE, TESS and EMO-DB, found by the file names that their authors gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import ConfigError
from edge.records import EMOTIONS

#: Fixed folds of RAVDESS actors, so that figures compare with other people's: 1-4, 5-8, ... 21-24.
FOLDS = tuple(tuple(f"ravdess-{actor:02}" for actor in range(first, first + 4)) for first in range(1, 25, 4))
_SOUNDS = frozenset({".wav", ".flac", ".ogg", ".opus"})

# RAVDESS 01..08: neutral, calm, happy, sad, angry, fearful, disgust, surprised; calm counts as neutral.
_RAVDESS = ("", "neutral", "neutral", "happy", "sad", "angry", "fear", "disgust", "surprise")
# CREMA-D: actor, sentence, emotion, intensity: 1001_DFA_ANG_XX.
_CREMA = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
# SAVEE: a folder a speaker, a letter or two and a number: DC/sa01.wav.
_SAVEE = {
    "a": "angry", "d": "disgust", "f": "fear", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprise"
}  # fmt: skip
_SAVEE_SPEAKERS = ("DC", "JE", "JK", "KL")
_TESS = {emotion: emotion for emotion in EMOTIONS} | {"ps": "surprise"}  # pleasant surprise
# German initials: Wut, Ekel, Angst, Freude, Trauer, neutral. L is Langeweile (boredom), which is not among ours.
_EMODB = {"W": "angry", "E": "disgust", "A": "fear", "F": "happy", "T": "sad", "N": "neutral"}


@dataclass(frozen=True, slots=True)
class Clip:
    """One recorded sentence; `speaker` is unique over all corpora. `calm` is RAVDESS' second kind of neutral."""

    path: Path
    corpus: str
    speaker: str
    emotion: str
    calm: bool = False


def load_corpora(data: Path) -> tuple[Clip, ...]:
    """All clips of the corpora that lie in folders of `data` named as in `CORPORA`, sorted.

    Raises:
        ConfigError: there is not one clip, or a file's name is none of its corpus.
    """
    clips: list[Clip] = []
    for corpus, read in CORPORA.items():
        for path in sounds(data / corpus):
            try:
                clip = read(path)
            except (ValueError, KeyError, IndexError) as error:
                raise ConfigError(
                    f"{path}: expected a file name as the authors of {corpus} give it. Move other sounds elsewhere."
                ) from error
            if clip is not None:
                clips.append(clip)
    if not clips:
        raise ConfigError(
            f"{data}: expected sounds in one or more of the folders {', '.join(CORPORA)}, found none. "
            "Give the folder that holds them with --data."
        )
    return tuple(clips)


def sounds(folder: Path) -> list[Path]:
    """The sound files in `folder` and below it, sorted by file name; none where there is no such folder."""
    return sorted((path for path in folder.rglob("*") if path.suffix.lower() in _SOUNDS), key=lambda path: path.name)


def check_no_leak(train: Iterable[tuple[Clip, str]], test: Iterable[tuple[Clip, str]]) -> None:
    """Refuse a split in which a speaker, or an identical sound, is on both sides.

    Args:
        train, test: clips with the digest of their samples.

    Raises:
        ConfigError: there is a leak; the message names it.
    """
    speakers, heard = set(), {}
    for clip, digest in train:
        speakers.add(clip.speaker)
        heard[digest] = clip.path
    for clip, digest in test:
        if clip.speaker in speakers:
            raise ConfigError(f"{clip.path}: leak: speaker {clip.speaker} of the test split is in training too.")
        if digest in heard:
            raise ConfigError(f"{clip.path}: leak: this test sound is identical to {heard[digest]} in training.")


def _ravdess(path: Path) -> Clip:
    # modality-channel-emotion-intensity-statement-repetition-actor
    modality, channel, emotion, _, _, _, actor = map(int, path.stem.split("-"))
    if (modality, channel) != (3, 1) or emotion == 0:
        raise ValueError("not audio-only speech")
    return Clip(path, "ravdess", f"ravdess-{actor:02}", _RAVDESS[emotion], calm=emotion == 2)


def _crema(path: Path) -> Clip:
    actor, _, emotion, _ = path.stem.split("_")
    return Clip(path, "crema", f"crema-{int(actor)}", _CREMA[emotion])


def _savee(path: Path) -> Clip:
    speaker, _, name = f"{path.parent.name}_{path.stem}".rpartition("_")
    speaker = speaker.rpartition("_")[2]  # some copies hold the speaker in the file's name: DC_sa01.wav
    if speaker not in _SAVEE_SPEAKERS:
        raise ValueError("none of the four speakers")
    return Clip(path, "savee", f"savee-{speaker}", _SAVEE[name.rstrip("0123456789")])


def _tess(path: Path) -> Clip:
    speaker, *_, emotion = path.stem.split("_")
    # One official file, OA_bite_neutral.wav, lacks a letter of its speaker's name.
    return Clip(path, "tess", {"OAF": "tess-OAF", "OA": "tess-OAF", "YAF": "tess-YAF"}[speaker], _TESS[emotion.lower()])


def _emodb(path: Path) -> Clip | None:
    # speaker (2), sentence (3), emotion (1), version (1): 03a01Fa
    speaker, emotion = int(path.stem[:2]), path.stem[5]
    return None if emotion == "L" else Clip(path, "emodb", f"emodb-{speaker:02}", _EMODB[emotion])


#: The reader of each corpus, by the name of its folder.
CORPORA: dict[str, Callable[[Path], Clip | None]] = {
    "ravdess": _ravdess,
    "crema": _crema,
    "savee": _savee,
    "tess": _tess,
    "emodb": _emodb,
}
