"""The training loop that every task shares: AdamW, warm-up and cosine, averaged weights, checkpoints, history."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from convert.run import Run
from edge.errors import ConfigError

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. `ema` is the momentum of the averaged weights (Polyak and Juditsky 1992) that are kept."""

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    warmup_epochs: int
    label_smoothing: float
    ema: float
    seed: int


def fit(
    model: Any,
    batches: Callable[[int], Iterator[Batch]],
    steps: int,
    recipe: Recipe,
    run: Run,
    folder: Path,
    validation: Batch | None = None,
    resume: bool = False,
) -> Any:
    """Train `model` on `batches(epoch)`, `steps` of them an epoch, keeping ``model.keras`` in `folder` up to date.

    ``model.keras`` holds the averaged weights: of the epoch with the best accuracy on `validation` where that is
    given, else of the last epoch; ``run.json`` says what it means. ``last.keras`` holds all that is needed to go on
    after an interruption with `resume`; ``history.csv`` has a row for each epoch.

    Args:
        batches: makes the batches of an epoch; what it yields may depend on the epoch alone, so that a resumed run
            sees what an uninterrupted one would have seen.

    Returns:
        The kept model.

    Raises:
        ConfigError: `folder` holds a run already and `resume` is not asked for.
    """
    if not resume and (folder / "last.keras").exists():
        raise ConfigError(
            f"{folder}: holds a training run already. Go on with it by --resume, or choose another folder with --out."
        )
    run.write(folder)
    keras.utils.set_random_seed(recipe.seed)
    state = folder / "progress.json"
    progress: dict[str, Any] = {"epoch": 0, "best": -1.0}
    if resume and state.is_file():
        progress = json.loads(state.read_text(encoding="utf-8"))
        model = keras.models.load_model(folder / "last.keras")
    else:
        model.compile(
            optimizer=_optimizer(recipe, steps),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
            metrics=["accuracy"],
            jit_compile=False,  # XLA makes these networks six times slower on a CPU
        )

    def endless() -> Iterator[Batch]:
        for epoch in range(progress["epoch"], recipe.epochs):
            yield from batches(epoch)

    if progress["epoch"] < recipe.epochs:
        model.fit(
            endless(),
            steps_per_epoch=steps,
            initial_epoch=progress["epoch"],
            epochs=recipe.epochs,
            validation_data=validation,
            validation_batch_size=256,
            shuffle=False,  # the batches come shuffled
            callbacks=[
                _Checkpoint(folder, progress),
                keras.callbacks.CSVLogger(str(folder / "history.csv"), append=progress["epoch"] > 0),
            ],
            verbose=1 if sys.stdout.isatty() else 2,
        )
    return keras.models.load_model(folder / "model.keras")


def _optimizer(recipe: Recipe, steps: int) -> Any:
    warmup = recipe.warmup_epochs * steps
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 25,
        max(1, recipe.epochs * steps - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(
        schedule, weight_decay=recipe.weight_decay, global_clipnorm=5.0, use_ema=True, ema_momentum=recipe.ema
    )


class _Checkpoint(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]  # keras is untyped
    """Validates with the averaged weights (its base class's doing), and keeps both kinds on disk."""

    def __init__(self, folder: Path, progress: dict[str, Any]) -> None:
        super().__init__()
        self._folder = folder
        self._progress = progress

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        accuracy = (logs or {}).get("val_accuracy")
        if accuracy is None or accuracy > self._progress["best"]:
            self._progress["best"] = -1.0 if accuracy is None else float(accuracy)
            self.on_test_begin()
            self.model.save(self._folder / "model.keras", include_optimizer=False)
            self.on_test_end()
        self._progress["epoch"] = epoch + 1
        # Written beside and renamed: an interruption while writing leaves the epoch before.
        self.model.save(self._folder / "writing.keras")
        (self._folder / "writing.keras").replace(self._folder / "last.keras")
        (self._folder / "progress.json").write_text(json.dumps(self._progress) + "\n", encoding="utf-8")
