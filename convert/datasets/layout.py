"""Which face data set lies in a folder, by its layout."""

from __future__ import annotations

from pathlib import Path

from convert.datasets import face_folders, fer2013
from convert.datasets.faces import FaceData
from edge.errors import ConfigError


def load_faces(folder: Path, size: int = fer2013.SIZE, channels: int = 1, labels: str = "fer") -> FaceData:
    """The data set in `folder`: FER2013, RAF-DB, AffectNet, CK+, or a tree with a folder for each emotion.

    Args:
        size: side of the pictures in pixels; those of FER2013 are never enlarged beyond their own 48.
        channels: 1 grey, 3 RGB; FER2013 is grey.
        labels: ``fer``, or ``ferplus`` for the majority of the FER+ votes.

    Raises:
        ConfigError: no known layout is there, or a file of it is not what it should be.
    """
    if labels not in ("fer", "ferplus"):
        raise ConfigError(f"labels: expected fer or ferplus, got {labels!r}.")
    if fer2013.is_here(folder):
        return fer2013.load_data(folder, labels)
    if labels == "ferplus":
        raise ConfigError(f"{folder}: only FER2013 has FER+ labels, and it is not there.")
    if any((base / "EmoLabel" / "list_patition_label.txt").is_file() for base in (folder, folder / "basic")):
        return face_folders.load_raf_db(folder, size, channels)
    if (folder / "train_set" / "annotations").is_dir():
        return face_folders.load_affectnet(folder, size, channels)
    if (folder / "cohn-kanade-images").is_dir():
        return face_folders.load_ck_plus(folder, size, channels)
    if face_folders.is_tree(folder):
        return face_folders.load_tree(folder, size, channels)
    raise ConfigError(
        f"{folder}: expected FER2013 (fer2013.csv, or train.csv with train.webp), RAF-DB (EmoLabel, Image/aligned), "
        "AffectNet (train_set, val_set), CK+ (cohn-kanade-images, Emotion, Landmarks) or a folder for each emotion, "
        "found none of them. Give the folder of the data set with --data."
    )
