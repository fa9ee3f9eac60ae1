"""Search for a better face recipe with Optuna's tree-structured Parzen estimator (Bergstra et al. 2011)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from convert.augment_faces import Augmentation
from convert.datasets.layout import load_faces
from convert.face_recipe import FaceRecipe, recipe_toml
from convert.train_face import train_on
from edge.errors import ConfigError


def search_face(data: Path, out: Path, recipe: FaceRecipe, trials: int) -> FaceRecipe:
    """Train `trials` more models of the recipe's length, each by other settings; write the best as ``best.toml``.

    The measure is the best accuracy on the validation split. ``search.db`` keeps every trial: another call goes on
    from them. Each trial's run stays in ``trial-<number>``.

    Raises:
        ConfigError: the data set is not there, or Optuna is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ConfigError(f"the search needs Optuna: {error}. Install 'emotion-edge[convert]'.") from error
    faces = load_faces(data, recipe.size, recipe.channels, recipe.labels).with_classes(recipe.classes)
    out.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="face",
        storage=f"sqlite:///{out.resolve() / 'search.db'}",
        sampler=optuna.samplers.TPESampler(seed=recipe.seed),
        direction="maximize",
        load_if_exists=True,
    )

    def objective(trial: Any) -> float:
        folder = out / f"trial-{trial.number}"
        tried = _suggested(trial, recipe)
        train_on(faces, folder, tried)
        (folder / "recipe.toml").write_text(recipe_toml(tried), encoding="utf-8")
        return float(json.loads((folder / "progress.json").read_text(encoding="utf-8"))["best"])

    study.optimize(objective, n_trials=trials)
    best = (out / f"trial-{study.best_trial.number}" / "recipe.toml").read_text(encoding="utf-8")
    (out / "best.toml").write_text(
        f"# trial {study.best_trial.number} of {len(study.trials)}: {100 * study.best_value:.2f} % on the validation "
        f"split\n{best}",
        encoding="utf-8",
    )
    return _suggested(study.best_trial, recipe)


def _suggested(trial: Any, recipe: FaceRecipe) -> FaceRecipe:
    strength = trial.suggest_float("augmentation", 0.3, 1.5)
    base = recipe.augmentation
    return replace(
        recipe,
        learning_rate=trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-3, 0.2, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
        hard_share=trial.suggest_float("hard_share", 0.0, 1.0),
        votes_head=trial.suggest_float("votes_head", 0.0, 1.0),
        mixup=trial.suggest_float("mixup", 0.0, 0.4),
        class_balance=trial.suggest_float("class_balance", 0.0, 0.6),
        augmentation=Augmentation(
            flip=base.flip,
            rotate_degrees=base.rotate_degrees * strength,
            scale=min(0.5, base.scale * strength),
            shift=min(0.5, base.shift * strength),
            contrast=min(0.9, base.contrast * strength),
            brightness=base.brightness * strength,
            erase=min(1.0, base.erase * strength),
            low_light=base.low_light,
            blur=base.blur,
            jpeg=base.jpeg,
        ),
    )
