"""FER2013 (Goodfellow et al. 2013) with FER+ votes (Barsoum et al. 2016): 48x48 grey faces, seven labels.

Two forms are read: the official ``fer2013.csv`` (columns emotion, pixels, Usage), and a pack of one lossless mosaic
``<split>.webp`` and one table ``<split>.csv`` for each split (columns tile, label, the FER+ votes, row_known).
"""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.records import EMOTIONS

SIZE = 48
#: Split name -> the word of the official CSV's Usage column.
SPLITS = {"train": "Training", "public_test": "PublicTest", "private_test": "PrivateTest"}
_MOSAIC_COLUMNS = 320
# FER+ words in the order of EMOTIONS; contempt, unknown and not-a-face have no place among the seven.
_VOTES = tuple(
    f"ferplus_{word}" for word in ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
)


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """One split: `images` uint8 [N, 48, 48], `labels` int64 [N] as indices of EMOTIONS.

    `votes` float32 [N, 7] is the share of FER+ votes for each of EMOTIONS, all zero where they are not known.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Faces:
        """The faces at `chosen` (a mask or indices)."""
        return Faces(self.images[chosen], self.labels[chosen], self.votes[chosen])


def twins(faces: Faces, others: Faces) -> NDArray[np.bool_]:
    """bool [N]: which of `faces` have a pixel-identical image in `others`."""
    known = {image.tobytes() for image in others.images}
    return np.array([image.tobytes() in known for image in faces.images], bool)


def training_faces(folder: Path) -> tuple[Faces, Faces]:
    """The training split without the images that are also in a test split, and PublicTest to choose on.

    Raises:
        ConfigError: the data set is not there.
    """
    train, public, private = (load(folder, split) for split in SPLITS)
    return train.only(~(twins(train, public) | twins(train, private))), public


def load(folder: Path, split: str) -> Faces:
    """Read one split ('train', 'public_test' or 'private_test') from `folder`, whichever form lies there.

    Raises:
        ConfigError: neither form is there, or a table is not what it should be.
    """
    if (folder / f"{split}.csv").is_file():
        return _load_pack(folder, split)
    if (folder / "fer2013.csv").is_file():
        return _load_official(folder / "fer2013.csv", SPLITS[split])
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
    counts = [float(row[name]) for name in _VOTES]
    total = sum(counts)
    # row_known 0: the FER+ row belongs to another image.
    return [count / total for count in counts] if total and row["row_known"] == "1" else [0.0] * len(counts)


def _load_official(table: Path, usage: str) -> Faces:
    csv.field_size_limit(sys.maxsize)
    images, labels = [], []
    with table.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                if row["Usage"] != usage:
                    continue
                images.append(np.array(row["pixels"].split(), np.uint8).reshape(SIZE, SIZE))
                # The official numbers 0 to 6 are in the order of EMOTIONS: angry ... surprise, neutral.
                labels.append(range(len(EMOTIONS))[int(row["emotion"])])
            except (KeyError, ValueError, IndexError) as error:
                raise ConfigError(
                    f"{table}, line {number}: expected emotion 0 to 6, {SIZE * SIZE} pixels and Usage: {error!r}."
                ) from error
    if not images:
        raise ConfigError(f"{table}: expected rows of Usage {usage}, found none.")
    return Faces(np.stack(images), np.array(labels), np.zeros((len(labels), len(EMOTIONS)), np.float32))
