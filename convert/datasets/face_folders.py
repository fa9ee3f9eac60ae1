"""Face data sets that are folders of pictures: RAF-DB, AffectNet, CK+, and any tree with a folder for each emotion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets.faces import LABELS, FaceData, Faces, held_out, read_faces
from edge.errors import ConfigError
from edge.perceive.labels import emotion_of
from edge.perceive.pictures import crop_face
from edge.records import Box

_Picture = tuple[Path, int, str | None]
_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}
_HELD_OUT = 0.1  # of the training pictures, to choose on, where the authors name no validation split

# Numbers of the authors -> LABELS. RAF-DB (Li et al. 2017): 1 surprise ... 7 neutral.
_RAF_DB = dict(zip("1234567", ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"), strict=True))
# AffectNet (Mollahosseini et al. 2019): 0 neutral ... 7 contempt; 8 to 10 are none, uncertain, no face.
_AFFECTNET = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
# CK+ (Lucey et al. 2010): 0 neutral ... 7 surprise.
_CK_PLUS = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
_CK_PEAK = 3  # last frames of a sequence that show the emotion, as most papers take them
_CK_MARGIN = 0.1  # around the landmarks, which end at the brows


def load_raf_db(folder: Path, size: int, channels: int) -> FaceData:
    """RAF-DB's basic set: ``EmoLabel/list_patition_label.txt`` (its authors' spelling) and ``Image/aligned/``.

    Raises:
        ConfigError: a line or a picture is not what it should be.
    """
    folder = folder / "basic" if (folder / "basic").is_dir() else folder
    table = folder / "EmoLabel" / "list_patition_label.txt"
    found: dict[str, list[_Picture]] = {"train": [], "test": []}
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            name, label = line.split()
            split, stem = name.split("_")[0], Path(name).stem
            picture = folder / "Image" / "aligned" / f"{stem}_aligned.jpg"
            found[split].append((picture, LABELS.index(_RAF_DB[label]), None))
        except (ValueError, KeyError) as error:
            raise ConfigError(
                f"{table}, line {number}: expected 'train_00001.jpg 5' or the like, got {line!r}."
            ) from error
    train, test = (read_faces(found[split], size, channels, f"RAF-DB {split}") for split in ("train", "test"))
    return _without_validation("raf-db", "RAF-DB", train, {"RAF-DB test": test})


def load_affectnet(folder: Path, size: int, channels: int) -> FaceData:
    """AffectNet with manual labels: ``train_set`` and ``val_set``, each with ``images/`` and ``annotations/N_exp.npy``.

    Its authors keep the test set for themselves: the validation set is the usual measure, and the epoch is chosen on
    a part of the training set.

    Raises:
        ConfigError: a label or a picture is not what it should be.
    """
    splits = {
        split: read_faces(_affectnet(folder / split), size, channels, f"AffectNet {split}")
        for split in ("train_set", "val_set")
    }
    return _without_validation(
        "affectnet", "AffectNet", splits["train_set"], {"AffectNet validation": splits["val_set"]}
    )


def _affectnet(folder: Path) -> Iterator[_Picture]:
    for annotation in sorted(folder.glob("annotations/*_exp.npy")):
        try:
            label = int(np.load(annotation, allow_pickle=False))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{annotation}: expected one number as text or integer: {error}.") from error
        if label < len(_AFFECTNET):
            picture = folder / "images" / annotation.name.replace("_exp.npy", ".jpg")
            yield picture, LABELS.index(_AFFECTNET[label]), None


def load_ck_plus(folder: Path, size: int, channels: int) -> FaceData:
    """CK+: ``cohn-kanade-images``, ``Emotion`` and ``Landmarks``, each with folders for person and sequence.

    The last three frames of a labelled sequence show its emotion, the first is neutral. A tenth of the persons is kept
    to test, a tenth of the others to choose on; k folds go by person.

    Raises:
        ConfigError: a label, landmarks or a picture is not what it should be.
    """
    images = folder / "cohn-kanade-images"

    def pictures() -> Iterator[_Picture]:
        for labelled in sorted(folder.glob("Emotion/*/*/*_emotion.txt")):
            person, sequence = labelled.parts[-3:-1]
            frames = sorted(path for path in (images / person / sequence).glob("*.*") if path.suffix in _SUFFIXES)
            try:
                label = LABELS.index(_CK_PLUS[round(float(labelled.read_text(encoding="utf-8")))])
            except (ValueError, IndexError) as error:
                raise ConfigError(f"{labelled}: expected a number from 0 to 7.") from error
            yield from ((frame, label, person) for frame in frames[-_CK_PEAK:])
            yield from ((frame, LABELS.index("neutral"), person) for frame in frames[:1])

    def crop(image: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
        landmarks = folder / "Landmarks" / path.parts[-3] / path.parts[-2] / f"{path.stem}_landmarks.txt"
        try:
            points = np.loadtxt(landmarks, ndmin=2)
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{landmarks}: expected a row 'x y' for each landmark: {error}.") from error
        return crop_face(image, Box(left, top, right - left, bottom - top), _CK_MARGIN)

    faces = read_faces(pictures(), size, channels, "CK+", crop)
    test = held_out(faces, _HELD_OUT)
    return _without_validation("ck-plus", "CK+", faces.only(~test), {"CK+ held-out persons": faces.only(test)})


def load_tree(folder: Path, size: int, channels: int) -> FaceData:
    """A folder for each emotion, in ``train/``, ``validation/`` (or ``val/``) and ``test/`` or in `folder` itself.

    Where a split is missing, a tenth of each emotion's training pictures takes its place.

    Raises:
        ConfigError: a folder's name is no emotion, or a picture cannot be read.
    """
    name = folder.resolve().name

    def read(split: Path) -> Faces:
        return read_faces(_tree(split), size, channels, f"{name}/{split.name}")

    if not (folder / "train").is_dir():
        faces = read(folder)
        test = held_out(faces, _HELD_OUT)
        return _without_validation(name, name, faces.only(~test), {f"{name} held out": faces.only(test)})
    train = read(folder / "train")
    tests = {f"{name} test": read(folder / "test")} if (folder / "test").is_dir() else {}
    for word in ("validation", "valid", "val"):
        if (folder / word).is_dir():
            return FaceData(name, train, f"{name} validation", {f"{name} validation": read(folder / word), **tests})
    return _without_validation(name, name, train, tests)


def _tree(folder: Path) -> Iterator[_Picture]:
    for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
        label = _label_of(inner)
        if label is None:
            raise ConfigError(f"{inner}: expected a folder for each emotion, named {', '.join(LABELS)}.")
        for path in sorted(inner.rglob("*")):
            if path.suffix.lower() in _SUFFIXES:
                yield path, LABELS.index(label), None


def is_tree(folder: Path) -> bool:
    """Whether `folder`, or its ``train``, has folders named after emotions."""
    base: Any = folder / "train" if (folder / "train").is_dir() else folder
    return base.is_dir() and any(inner.is_dir() and _label_of(inner) is not None for inner in base.iterdir())


def _label_of(folder: Path) -> str | None:
    """The one of LABELS that a folder is named after, in the words of any author; None if it is none."""
    word = folder.name.lower().split("_")[-1]  # also 3_sad, as many copies number them
    return word if word in LABELS else emotion_of(word)


def _without_validation(source: str, title: str, train: Faces, tests: dict[str, Faces]) -> FaceData:
    chosen = held_out(train, _HELD_OUT)
    name = f"{title} held out of training"
    return FaceData(source, train.only(~chosen), name, {name: train.only(chosen), **tests})
