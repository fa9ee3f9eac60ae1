"""Train a face network: any architecture of the registry, on any face data set, by a recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.augment_faces import augment_face
from convert.contract import prepared
from convert.datasets.faces import LABELS, FaceData, Faces
from convert.datasets.layout import load_faces
from convert.face_recipe import FaceRecipe
from convert.face_start import network, provenance
from convert.fit import Batch, fit
from convert.run import Run
from convert.soft_targets import soft_targets, view_teachers
from edge.errors import ConfigError

#: The head of the FER+ votes, and the folder in a run's of the model that ends in it.
VOTES = "votes"


def train_face(
    data: Path,
    out: Path,
    recipe: FaceRecipe | None = None,
    resume: bool = False,
    teachers: Sequence[Path] = (),
    start: str | None = None,
) -> Any:
    """Train on the training split in `data`, choose the epoch on its validation split, write the run to `out`.

    Args:
        teachers: packages or runs to distil from.
        start: ``imagenet``, a run, a .keras file or an int8 package to begin with.

    Returns:
        The kept `keras.Model`.

    Raises:
        ConfigError: the data set, a teacher or the start cannot be used, or the recipe does not fit.
    """
    wanted = recipe or FaceRecipe()
    faces = load_faces(data, wanted.size, wanted.channels, wanted.labels).with_classes(wanted.classes)
    return train_on(faces, out, wanted, resume, teachers, start)


def train_folds(
    data: Path,
    out: Path,
    recipe: FaceRecipe,
    folds: int,
    resume: bool = False,
    teachers: Sequence[Path] = (),
    start: str | None = None,
) -> dict[str, Any]:
    """Train a model for each of `folds` parts of the training split on the other parts, and measure it on its own.

    A run to start from has seen all of them, so only `imagenet` and weights from elsewhere leave the parts unseen.
    The parts have the labels' shares, and no person in two of them where the data set names persons. The epoch is
    still chosen on the validation split, so that the figures are of faces that chose nothing.

    Returns:
        accuracy of each fold, mean and standard deviation, as written to ``folds.json``.

    Raises:
        ConfigError: the data set cannot be used, or has fewer faces of a label than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    whole = load_faces(data, recipe.size, recipe.channels, recipe.labels).with_classes(recipe.classes)
    people = whole.train.groups
    kind = StratifiedKFold if people is None else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=recipe.seed)
    try:
        parts = list(splitter.split(whole.train.images, whole.train.labels, people))
    except ValueError as error:
        raise ConfigError(f"{data}: cannot be split into {folds} folds: {error}.") from error
    accuracies = []
    for number, (kept, held) in enumerate(parts, start=1):
        part = replace(whole, train=whole.train.only(kept))
        folder = out / f"fold-{number}"
        model = train_on(part, folder, recipe, resume and (folder / "last.keras").exists(), teachers, start)
        unseen = whole.train.only(held)
        said = model.predict(prepared(unseen.images, recipe.input), verbose=0).argmax(axis=1)
        accuracies.append(round(float((said == unseen.labels).mean()), 4))
    result = {"accuracy": accuracies, "mean": float(np.mean(accuracies)), "std": float(np.std(accuracies))}
    (out / "folds.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


def train_on(
    data: FaceData,
    out: Path,
    recipe: FaceRecipe,
    resume: bool = False,
    teachers: Sequence[Path] = (),
    start: str | None = None,
) -> Any:
    """`train_face` on data that are read already."""
    faces, chosen_on = data.train, data.splits[data.chosen_on]
    about = {
        "architecture": recipe.architecture,
        "data": [data.source],
        "recipe": asdict(recipe),
        "images": len(faces),
        "teachers": [path.resolve().name for path in teachers],
        "start": provenance(start),
    }
    run = Run("face", recipe.input, recipe.names, about)
    wanted = _targets(faces, recipe, _soft(faces, recipe, teachers, out / "keras.log"))
    said = view_teachers(teachers, recipe.classes, out / "keras.log") if recipe.view_share else []
    steps = max(1, len(faces) // recipe.batch)
    truth = np.zeros((len(chosen_on), wanted.shape[1]), np.float32)
    truth[np.arange(len(chosen_on)), chosen_on.labels] = 1
    validation = (prepared(chosen_on.images, recipe.input), truth)

    def batches(epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng((recipe.seed, epoch))
        order = rng.permutation(len(faces))
        for step in range(steps):
            chosen = order[step * recipe.batch : (step + 1) * recipe.batch]
            views = np.stack([augment_face(faces.images[index], rng, recipe.augmentation) for index in chosen])
            images, target = _mixed(views, wanted[chosen], recipe.mixup, rng)
            if said:
                target = _taught(target, np.mean([answer(images) for answer in said], axis=0), recipe)
            yield prepared(images, recipe.input), target

    # With the keras that the caller started.
    from convert.face_loss import FirstAccuracy, SoftTargetLoss

    helped = wanted.shape[1] > recipe.classes
    model = network(recipe, faces, start, VOTES if helped else None)
    if helped:
        votes = replace(recipe, labels="ferplus", classes=len(LABELS))
        Run("face", recipe.input, LABELS, {**about, "recipe": asdict(votes)}).write(out / VOTES)
    return fit(
        model,
        batches,
        steps,
        recipe,
        run,
        out,
        validation,
        resume,
        SoftTargetLoss(recipe.classes, recipe.votes_head),
        [FirstAccuracy(recipe.classes)],
    )


def _soft(faces: Faces, recipe: FaceRecipe, teachers: Sequence[Path], log: Path) -> NDArray[np.float32] | None:
    """float32 [N, classes]: the votes themselves where their majority is the label, else `soft_targets`."""
    if recipe.labels != "ferplus":
        return soft_targets(faces, teachers, recipe.classes, log)
    if teachers and not recipe.view_share:
        raise ConfigError(
            "labels ferplus: the votes are the soft target. Give a --teacher with view_share above 0, or none."
        )
    votes = faces.votes[:, : recipe.classes]
    return np.asarray(votes / votes.sum(axis=1, keepdims=True), np.float32)


def _targets(faces: Faces, recipe: FaceRecipe, soft: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """float32 [N, classes], and the 8 vote shares behind them where a second head learns those.

    Rows are weighted by class balance: they sum to 1 on average.
    """
    target = np.eye(recipe.classes, dtype=np.float32)[faces.labels]
    if soft is not None:
        target = recipe.hard_share * target + (1 - recipe.hard_share) * soft
    target = (1 - recipe.label_smoothing) * target + recipe.label_smoothing / recipe.classes
    if recipe.class_balance:
        counts = np.maximum(np.bincount(faces.labels, minlength=recipe.classes), 1)
        weights = (counts.mean() / counts) ** recipe.class_balance
        target = target * (weights / weights[faces.labels].mean())[faces.labels, np.newaxis]
    helped = recipe.votes_head > 0 and faces.votes.any()
    return np.asarray(np.concatenate([target, faces.votes], axis=1) if helped else target, np.float32)


def _mixed(
    images: NDArray[np.uint8], wanted: NDArray[np.float32], alpha: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Mixup (Zhang et al. 2018): each with another of the batch, by one share for the batch."""
    if not alpha:
        return images, wanted
    share = np.float32(rng.beta(alpha, alpha))
    other = rng.permutation(len(images))
    mixed = np.rint(share * images + (1 - share) * images[other]).astype(np.uint8)
    return mixed, np.asarray(share * wanted + (1 - share) * wanted[other], np.float32)


def _taught(wanted: NDArray[np.float32], said: NDArray[np.float32], recipe: FaceRecipe) -> NDArray[np.float32]:
    """`wanted` with the share `view_share` of its labels' columns from float32 [N, classes] that the teachers said."""
    target = np.array(wanted)
    weights = wanted[:, : recipe.classes].sum(axis=1, keepdims=True)
    target[:, : recipe.classes] *= 1 - recipe.view_share
    target[:, : recipe.classes] += recipe.view_share * weights * said
    return target
