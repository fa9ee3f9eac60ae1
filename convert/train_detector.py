"""Train the face detector on photos with boxes and landmarks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.architectures.detector import pyramid
from convert.augment_photos import View, Views, load_scenes, target
from convert.datasets.layout import load_faces
from convert.datasets.photos import background_photos, training_photos
from convert.detector_loss import Detector
from convert.fit import Batch, Recipe, fit
from convert.float_model import load_keras
from convert.fused_normalisation import FusedNormalisation
from convert.run import Run, read_run
from edge.errors import ConfigError
from edge.perceive.inputs import DetectorInput
from edge.perceive.pictures import picture_tensor

# Up to 127/128 instead of 1: then int8 has a place of its own for each of the 256 levels of a picture.
DETECTOR_INPUT = DetectorInput(height=320, width=416, channels=3, low=-1.0, high=127 / 128)
RECIPE = Recipe(
    epochs=70,
    batch=16,
    learning_rate=3e-3,
    weight_decay=0.01,
    warmup_epochs=1,
    label_smoothing=0.0,
    ema=0.99,  # like the statistics of batch normalisation: a longer average would not fit them
    seed=2023,
)
_STEPS = 100
# Height and width of the views in pixels and what of a batch they take, in turn. Small views show more faces for the
# same work; large ones are needed for faces that fill the shipped input: without any, parts of such faces were its
# worst mistakes. Each batch takes about the same time. The first two differ, which tells Keras that sides vary.
_SIDES = (((320, 320), 0.5), ((160, 160), 2.0), ((320, 320), 0.5), ((224, 224), 1.0))
_SIDES_AT_THE_END = (((320, 416), 0.5), ((224, 288), 1.0), ((320, 416), 0.5), ((320, 416), 0.5))


def train_detector(
    data: Path,
    out: Path,
    recipe: Recipe = RECIPE,
    resume: bool = False,
    steps: int = _STEPS,
    start: Path | None = None,
    faces: Path | None = None,
    labels: Path | None = None,
    whole: bool = False,
) -> None:
    """Train on the photos in `data` that are not held out, write the run to `out`.

    Args:
        steps: batches that make an epoch.
        start: a run to begin with the weights of.
        faces: a data set of faces that fill their pictures (FER2013), whose training faces are pasted into backgrounds.
        labels: folder with other labels for the photos, as `label_photos` makes them.
        whole: mostly views of whole photos in the shape of the shipped input, for the end of a training.

    Raises:
        ConfigError: the photos or the run are not there.
    """
    cv2.setNumThreads(1)  # the views are made beside the training, which needs the cores
    photos = load_scenes(training_photos(data, labels=labels))
    backgrounds, hard = (load_scenes(group) for group in background_photos(data))
    pasted = load_faces(faces).train.images if faces else None
    views = Views(photos, backgrounds, hard, pasted, whole)
    sizes = _SIDES_AT_THE_END if whole else _SIDES
    about = {
        "architecture": "pyramid",
        "data": ["photos", *(["fer2013"] if faces else [])],
        "recipe": asdict(recipe),
        "images": len(photos) + len(backgrounds) + len(hard),
        "steps": steps,
        "labels": "of several looks" if labels else "of the data",
        "views": "mostly of whole photos" if whole else "of crops, mosaics and whole photos",
        **({"start": read_run(start).about} if start else {}),
    }
    runs_before = _runs_before(about)

    def batches(epoch: int) -> Iterator[Batch]:
        # Not the views again that the runs before began with.
        rng = np.random.default_rng((recipe.seed, runs_before, epoch))
        for step in range(steps):
            (height, width), share = sizes[step % len(sizes)]
            chosen = [views.view(height, width, rng) for _ in range(max(1, round(recipe.batch * share)))]
            yield np.stack([_tensor(view) for view in chosen]), np.stack([target(view) for view in chosen])

    out.mkdir(parents=True, exist_ok=True)
    fit(
        _trainable(start, out / "start.log"),
        batches,
        steps,
        recipe,
        Run("detector", DETECTOR_INPUT, ("face",), about),
        out,
        resume=resume,
        own_loss=True,
    )


def _runs_before(about: Mapping[str, Any]) -> int:
    """How many runs this one began with the weights of, one after the other."""
    return 1 + _runs_before(about["start"]) if "start" in about else 0


def _trainable(start: Path | None = None, log: Path = Path(os.devnull)) -> Any:
    model = pyramid((None, None, DETECTOR_INPUT.channels), Detector, FusedNormalisation)
    if start:
        path = start / "model.keras"
        begun = load_keras(path, log).get_weights()
        try:
            model.set_weights([_laid_in(old, new.shape) for old, new in zip(begun, model.get_weights(), strict=True)])
        except ValueError as error:
            raise ConfigError(
                f"{path}: expected the weights of this network, or of one with smaller kernels, got others: {error}"
            ) from error
    return model


def _laid_in(weight: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """A kernel in the middle of a larger one, which then computes the same; other weights as they are."""
    if weight.ndim != 4:
        return weight
    return np.pad(weight, [((wanted - side) // 2,) * 2 for side, wanted in zip(weight.shape, shape, strict=True)])


def _tensor(view: View) -> Any:
    return picture_tensor(view.image, DETECTOR_INPUT)
