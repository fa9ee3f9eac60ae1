"""Train the face network on FER2013."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.architectures.face import mobile
from convert.augment_faces import augment_face
from convert.datasets.fer2013 import SIZE, Faces, training_faces
from convert.fit import Batch, Recipe, fit
from convert.run import Run
from edge.perceive.features import FaceInput, face_tensor
from edge.records import EMOTIONS

FACE_INPUT = FaceInput(height=SIZE, width=SIZE, channels=1, low=-1.0, high=1.0, crop_margin=0.0)
RECIPE = Recipe(
    epochs=28,
    batch=128,
    learning_rate=3e-3,
    weight_decay=0.02,
    warmup_epochs=2,
    label_smoothing=0.1,
    ema=0.99,  # like the statistics of batch normalisation: a longer average would not fit them
    seed=2013,
)
# Share of the FER+ vote distribution in the target. FER's own labels are the measure and very noisy: the votes tell
# the network which faces are doubtful.
_VOTES_SHARE = 0.3


def train_face(data: Path, out: Path, recipe: Recipe = RECIPE, resume: bool = False) -> None:
    """Train on the training split of FER2013 in `data`, choose the epoch on PublicTest, write the run to `out`.

    Raises:
        ConfigError: the data set is not there.
    """
    faces, public = training_faces(data)
    about = {"architecture": "mobile", "data": ["fer2013"], "recipe": asdict(recipe), "images": len(faces)}
    run = Run("face", FACE_INPUT, EMOTIONS, about)
    steps = max(1, len(faces) // recipe.batch)
    validation = (tensors(public.images), np.eye(len(EMOTIONS), dtype=np.float32)[public.labels])

    def batches(epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng((recipe.seed, epoch))
        order = rng.permutation(len(faces))
        wanted = targets(faces)
        for step in range(steps):
            chosen = order[step * recipe.batch : (step + 1) * recipe.batch]
            images = np.stack([augment_face(faces.images[index], rng) for index in chosen])
            yield tensors(images), wanted[chosen]

    fit(mobile(FACE_INPUT.shape, len(EMOTIONS)), batches, steps, recipe, run, out, validation, resume)


def tensors(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [N, H, W] -> the network's input float32 [N, 48, 48, 1], by the device's own function."""
    return np.stack([face_tensor(image, FACE_INPUT) for image in images])


def targets(faces: Faces) -> NDArray[np.float32]:
    """float32 [N, 7]: the FER label, mixed with the FER+ votes where they are known."""
    hard = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
    known = faces.votes.sum(axis=1, keepdims=True) > 0
    return np.where(known, (1 - _VOTES_SHARE) * hard + _VOTES_SHARE * faces.votes, hard).astype(np.float32)
