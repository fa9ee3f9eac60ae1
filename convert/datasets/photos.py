"""Photos with faces, boxes and landmarks, and pictures without any face: to train and measure the detector.

The form is that of the data packs: ``labels.csv`` (file, x, y, w, h, five landmarks as re_x ... lm_y, score),
``labels_low.csv`` (doubtful boxes), ``boxes.csv`` (file, x, y, w, h, ignore).
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError

#: Columns of the landmarks.
LANDMARKS = tuple(f"{point}_{axis}" for point in ("re", "le", "n", "rm", "lm") for axis in "xy")
#: Landmarks in the order of their mirror image: right and left change places.
MIRRORED = np.array([1, 0, 2, 4, 3])
# One photo of so many is held out of training, by its name: what a session chooses, it chooses on these.
_HELD_OUT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """One picture and what is known of its faces.

    `boxes` float32 [N, 4] as left, top, width, height in pixels; `landmarks` float32 [N, 5, 2] in pixels (right eye,
    left eye, nose, right and left corner of the mouth, as the person has them), NaN where unknown; `ignored` bool [N]:
    neither a face to find nor a mistake to have found.
    """

    path: Path
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    ignored: NDArray[np.bool_]
    source: str = ""

    def read(self) -> NDArray[np.uint8]:
        """uint8 [H, W, 3] RGB.

        Raises:
            ConfigError: it cannot be read.
        """
        image = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
        if image is None:
            raise ConfigError(f"{self.path}: expected a picture, and it cannot be read.")
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)

    def scaled(self, factor: float) -> Photo:
        """The same with all coordinates multiplied by `factor`."""
        return replace(self, boxes=self.boxes * np.float32(factor), landmarks=self.landmarks * np.float32(factor))


def training_photos(
    data: Path, part: Literal["train", "held_out", "all"] = "train", labels: Path | None = None
) -> list[Photo]:
    """The labelled photos in ``train`` of `data`; doubtful boxes are `ignored`. `labels`: folder of others' labels."""
    folder = data / "train"
    said = labels or folder
    photos = list(_photos(folder, _rows(said / "labels.csv"), _rows(said / "labels_low.csv")))
    if part == "all":
        return photos
    return [photo for photo in photos if held_out(photo.path.name) == (part == "held_out")]


def test_photos(data: Path) -> list[Photo]:
    """The photos of ``test`` in `data`, of other sources than the training photos."""
    return boxed_photos(data / "test")


def boxed_photos(folder: Path) -> list[Photo]:
    """All pictures of a folder with ``boxes.csv``; those that it does not name hold no face."""
    rows = _rows(folder / "boxes.csv")
    photos = list(_photos(folder, [row for row in rows if not _flag(row)], [row for row in rows if _flag(row)]))
    named = {photo.path.name for photo in photos}
    return photos + [photo for photo in faceless_photos(folder) if photo.path.name not in named]


def faceless_photos(folder: Path) -> list[Photo]:
    """All pictures of a folder that shows no faces."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise ConfigError(f"{folder}: expected a folder of pictures (.jpg, .png), found none.")
    return [_photo(path, [], []) for path in paths]


def background_photos(data: Path) -> tuple[list[Photo], list[Photo]]:
    """Pictures without a face, and such that mislead detectors."""
    return faceless_photos(data / "background"), faceless_photos(data / "background_hard")


def held_out(name: str) -> bool:
    """True for the photos that training never sees."""
    return zlib.crc32(name.encode()) % _HELD_OUT == 0


def _photos(folder: Path, faces: list[dict[str, str]], doubtful: list[dict[str, str]]) -> Iterator[Photo]:
    by_file: dict[str, tuple[list[dict[str, str]], list[dict[str, str]]]] = {}
    for kind, rows in enumerate((faces, doubtful)):
        for row in rows:
            by_file.setdefault(row["file"], ([], []))[kind].append(row)
    for name in sorted(by_file):
        yield _photo(folder / name, *by_file[name])


def _photo(path: Path, faces: list[dict[str, str]], doubtful: list[dict[str, str]]) -> Photo:
    rows = faces + doubtful
    try:
        boxes = np.array([[float(row[key]) for key in "xywh"] for row in rows], np.float32).reshape(-1, 4)
        points = [[float(row.get(key, "nan")) for key in LANDMARKS] for row in rows]
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{path}: its boxes cannot be read: {error!r}.") from error
    return Photo(
        path=path,
        boxes=boxes,
        landmarks=np.array(points, np.float32).reshape(-1, 5, 2),
        ignored=np.arange(len(rows)) >= len(faces),
        source=rows[0].get("source", "") if rows else "",
    )


def _flag(row: dict[str, str]) -> bool:
    return row.get("ignore", "0") not in ("", "0")


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}. Expected the photos' data pack.") from error
