"""Face pictures with labels: what every loader of a face data set gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.errors import ConfigError
from edge.perceive.pictures import face_picture
from edge.records import EMOTIONS

#: The eighth label of AffectNet-8, CK+ and FER+ behind the seven.
LABELS = (*EMOTIONS, "contempt")
_SLOW = 2000  # pictures from which on reading them takes long enough to want a progress bar


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """`images` uint8 [N, S, S] or RGB [N, S, S, 3], `labels` int64 [N] as indices of LABELS.

    `votes` float32 [N, 8] is the share of annotators for each of LABELS, all zero where they are not known.
    `groups` [N] names the person in each, where the data set does: no person may be on both sides of a split.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.float32]
    groups: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Faces:
        """The faces at `chosen` (a mask or indices)."""
        groups = None if self.groups is None else self.groups[chosen]
        return Faces(self.images[chosen], self.labels[chosen], self.votes[chosen], groups)


@dataclass(frozen=True, slots=True, eq=False)
class FaceData:
    """A data set: what to train on, what to choose the epoch and the temperature on, and the test splits by name.

    `source` is its name in `convert.sources`, or the folder's. `splits` holds the one to choose on, too, by the name
    `chosen_on`.
    """

    source: str
    train: Faces
    chosen_on: str
    splits: dict[str, Faces]

    def with_classes(self, count: int) -> FaceData:
        """The same with the first `count` of LABELS only; FER2013 itself has no contempt, its FER+ votes do."""
        return FaceData(
            self.source,
            self.train.only(self.train.labels < count),
            self.chosen_on,
            {name: faces.only(faces.labels < count) for name, faces in self.splits.items()},
        )


def twins(faces: Faces, others: Faces) -> NDArray[np.bool_]:
    """bool [N]: which of `faces` have a pixel-identical image in `others`."""
    known = {image.tobytes() for image in others.images}
    return np.array([image.tobytes() in known for image in faces.images], bool)


def held_out(faces: Faces, share: float, seed: int = 7) -> NDArray[np.bool_]:
    """bool [N]: a `share` of each label's faces, or of the persons where they are known."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(faces), bool)
    if faces.groups is not None:
        people = np.unique(faces.groups)
        taken = rng.permutation(people)[: max(1, round(share * len(people)))]
        return np.asarray(np.isin(faces.groups, taken))
    for label in np.unique(faces.labels):
        where = np.flatnonzero(faces.labels == label)
        chosen[rng.permutation(where)[: max(1, round(share * len(where)))]] = True
    return chosen


def has_majority(faces: Faces) -> NDArray[np.bool_]:
    """bool [N]: whose FER+ votes have one winner."""
    ordered = np.sort(faces.votes, axis=1)
    return np.asarray(ordered[:, -1] > ordered[:, -2])


def majority(faces: Faces) -> Faces:
    """The faces whose FER+ votes have one winner, with that as their label."""
    clear = faces.only(has_majority(faces))
    return Faces(clear.images, clear.votes.argmax(axis=1).astype(np.int64), clear.votes, clear.groups)


def read_faces(
    pictures: Iterable[tuple[Path, int, str | None]], size: int, channels: int, what: str, crop: object = None
) -> Faces:
    """Read and scale the (file, label, person or None) of `pictures` to `size` x `size` with `channels` 1 or 3.

    Args:
        what: the data set's name, for messages.
        crop: a function (image, file) -> image that cuts the face out, where the pictures hold more.

    Raises:
        ConfigError: there are none, or one cannot be read.
    """
    listed = list(pictures)
    if not listed:
        raise ConfigError(f"{what}: expected labelled pictures, found none.")
    shape = (size, size) if channels == 1 else (size, size, 3)
    images = np.empty((len(listed), *shape), np.uint8)
    for index, (path, _, _) in enumerate(
        tqdm(listed, what, unit="picture", disable=None if len(listed) > _SLOW else True)
    ):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise ConfigError(f"{path}: expected a picture, cannot read it.")
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)  # as a camera gives it
        if callable(crop):
            image = crop(image, path)
        images[index] = face_picture(np.asarray(image, np.uint8), size, size, channels)
    people = [person for _, _, person in listed]
    return Faces(
        images,
        np.array([label for _, label, _ in listed], np.int64),
        np.zeros((len(listed), len(LABELS)), np.float32),
        np.array(people, np.str_) if all(people) else None,
    )
