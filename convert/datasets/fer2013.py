"""FER2013 (Goodfellow et al. 2013) with FER+ votes (Barsoum et al. 2016): 48x48 grey faces, seven labels.

Two forms are read: the official ``fer2013.csv`` (columns emotion, pixels, Usage), and a pack of one lossless mosaic
``<split>.webp`` and one table ``<split>.csv`` for each split (columns tile, label, the FER+ votes, row_known). The
votes of the official form are its authors' ``fer2013new.csv``, where it lies beside.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

from convert.datasets.faces import LABELS, FaceData, Faces, majority, twins
from edge.errors import ConfigError
from edge.records import EMOTIONS

SIZE = 48
#: Split name -> the word of the official CSV's Usage column.
SPLITS = {"train": "Training", "public_test": "PublicTest", "private_test": "PrivateTest"}
_MOSAIC_COLUMNS = 320
# FER+ words in the order of LABELS.
_WORDS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt")
# Where one of these has most votes, the others say nothing about an emotion.
_NO_EMOTION = ("unknown", "not_a_face")
_CHOSEN_ON = "FER2013 PublicTest"


def load_data(folder: Path, labels: str = "fer") -> FaceData:
    """The training split without the images that are also in a test split; PublicTest to choose on; PrivateTest.

    The train twins are dropped from training anyway; the test splits without their twins compare with people who
    report them so.

    Args:
        labels: ``fer``, or ``ferplus``: the majority of the FER+ votes; images without one are left out.

    Raises:
        ConfigError: the data set, or the votes that are asked for, are not there.
    """
    train, public, private = (load(folder, split) for split in SPLITS)
    known = ~(twins(train, public) | twins(train, private))
    splits = {
        _CHOSEN_ON: public,
        f"{_CHOSEN_ON} without twins": public.only(~twins(public, train)),
        "FER2013 PrivateTest without twins": private.only(~twins(private, train)),
        "FER2013 PrivateTest": private,
    }
    train = train.only(known)
    if labels == "ferplus":
        if not train.votes.any():
            raise ConfigError(f"{folder}: FER+ labels need fer2013new.csv beside fer2013.csv, or a pack with votes.")
        by_votes = {by_majority(name): majority(faces) for name, faces in splits.items()}
        return FaceData("fer2013", majority(train), by_majority(_CHOSEN_ON), by_votes)
    return FaceData("fer2013", train, _CHOSEN_ON, splits)


def is_here(folder: Path) -> bool:
    """Whether `folder` holds FER2013, in either form."""
    return any((folder / name).is_file() for name in ("fer2013.csv", "train.csv"))


def by_majority(split: str) -> str:
    """The name of a split whose labels are the majority of the FER+ votes."""
    return f"{split}, FER+ majority"


def load(folder: Path, split: str) -> Faces:
    """Read one split ('train', 'public_test' or 'private_test') from `folder`, whichever form lies there.

    Raises:
        ConfigError: neither form is there, or a table is not what it should be.
    """
    if (folder / f"{split}.csv").is_file():
        return _load_pack(folder, split)
    if (folder / "fer2013.csv").is_file():
        return _load_official(folder, SPLITS[split])
    raise ConfigError(
        f"{folder}: expected FER2013 as fer2013.csv (emotion, pixels, Usage) or as {split}.csv with {split}.webp, "
        "found neither. Give the folder of the data set with --data."
    )


def _load_pack(folder: Path, split: str) -> Faces:
    from PIL import Image

    table = folder / f"{split}.csv"
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        with Image.open(folder / f"{split}.webp") as mosaic:
            pixels = np.asarray(mosaic.convert("L"))
        tiles = np.array([int(row["tile"]) for row in rows])
        labels = np.array([EMOTIONS.index(row["label"]) for row in rows])
        votes = np.array([_votes(row) for row in rows], np.float32)
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"{table}: expected tile, label and FER+ votes, and {split}.webp: {error!r}.") from error
    shape = (pixels.shape[0] // SIZE, SIZE, pixels.shape[1] // SIZE, SIZE)
    if shape[2] != _MOSAIC_COLUMNS or tiles.max(initial=0) >= shape[0] * shape[2]:
        raise ConfigError(
            f"{folder / split}.webp: expected {_MOSAIC_COLUMNS} tiles of {SIZE} pixels in a row and "
            f"{len(rows)} tiles in all, got {pixels.shape[1]}x{pixels.shape[0]} pixels."
        )
    return Faces(pixels.reshape(shape).swapaxes(1, 2).reshape(-1, SIZE, SIZE)[tiles], labels, votes)


def _votes(row: dict[str, Any]) -> list[float]:
    # row_known 0: the FER+ row belongs to another image.
    if row["row_known"] != "1":
        return [0.0] * len(LABELS)
    return _shares(*([float(row[f"ferplus_{word}"]) for word in words] for words in (_WORDS, _NO_EMOTION)))


def _shares(emotions: list[float], others: list[float]) -> list[float]:
    total = sum(emotions)
    doubtful = total == 0 or max(others) > max(emotions)
    return [0.0] * len(emotions) if doubtful else [count / total for count in emotions]


def _load_official(folder: Path, usage: str) -> Faces:
    csv.field_size_limit(sys.maxsize)
    table = folder / "fer2013.csv"
    images, labels, numbers = [], [], []
    with table.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                if row["Usage"] != usage:
                    continue
                images.append(np.array(row["pixels"].split(), np.uint8).reshape(SIZE, SIZE))
                # The official numbers 0 to 6 are in the order of EMOTIONS: angry ... surprise, neutral.
                labels.append(range(len(EMOTIONS))[int(row["emotion"])])
                numbers.append(number)
            except (KeyError, ValueError, IndexError) as error:
                raise ConfigError(
                    f"{table}, line {number}: expected emotion 0 to 6, {SIZE * SIZE} pixels and Usage: {error!r}."
                ) from error
    if not images:
        raise ConfigError(f"{table}: expected rows of Usage {usage}, found none.")
    votes = np.zeros((len(labels), len(LABELS)), np.float32)
    if (folder / "fer2013new.csv").is_file():
        by_row = _official_votes(folder / "fer2013new.csv")
        votes = np.array([by_row.get(number, votes[0]) for number in numbers], np.float32)
    return Faces(np.stack(images), np.array(labels), votes)


def _official_votes(table: Path) -> dict[int, list[float]]:
    """The shares by line: FER+ has a row for each of fer2013.csv, in its order; one without a face has no name."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return {
            line: _shares(*([float(row[word]) for word in words] for words in (_WORDS, ("unknown", "NF"))))
            for line, row in enumerate(rows, start=2)
            if row["Image name"]
        }
    except (KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{table}: expected 'Image name' and the counts {', '.join(_WORDS)}: {error!r}.") from error
