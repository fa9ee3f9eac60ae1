"""The training loop that every task shares: AdamW, warm-up and cosine, averaged weights, checkpoints, history."""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from convert.plots import curves_plot
from convert.run import Run
from edge.errors import ConfigError

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]

_NO_END = 100_000  # epochs: the clock ends the training
# After so many steps the average of weights begins anew: Keras begins it with the random weights of the start, of which
# a third would still be in it after a hundred steps.
_AVERAGE_AFRESH = (10, 30, 100, 300)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. `ema` is the momentum of the averaged weights (Polyak and Juditsky 1992) that are kept.

    `minutes` above 0 is how long to train instead of `epochs`: the learning rate follows the clock, so that it ends at
    zero in time on a machine of any speed. `patience` above 0 stops after so many epochs without a better one.
    """

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    warmup_epochs: int
    label_smoothing: float
    ema: float
    seed: int
    minutes: float = 0.0
    patience: int = 0


def fit(
    model: Any,
    batches: Callable[[int], Iterator[Batch]],
    steps: int,
    recipe: Recipe,
    run: Run,
    folder: Path,
    validation: Batch | None = None,
    resume: bool = False,
    loss: Any = None,
    metrics: Any = None,
    own_loss: bool = False,
) -> Any:
    """Train `model` on `batches(epoch)`, `steps` of them an epoch, keeping ``model.keras`` in `folder` up to date.

    ``model.keras`` holds the averaged weights: of the epoch with the best accuracy on `validation` where that is
    given, else of the last epoch; ``run.json`` says what it means. ``last.keras`` holds all that is needed to go on
    after an interruption with `resume`; ``history.csv`` has a row for each epoch, ``history.png`` shows it.

    A layer ``both`` that joins two outputs is taken off what is kept: the first output's model is ``model.keras``, that
    of the second is kept beside it as ``NAME/model.keras``, NAME being the layer's that makes it.

    Args:
        batches: makes the batches of an epoch; what it yields may depend on the epoch alone, so that a resumed run
            sees what an uninterrupted one would have seen.
        loss: Keras' own or a registered one; without it cross-entropy with the recipe's label smoothing.
        metrics: one that is named ``accuracy`` chooses the epoch.
        own_loss: the model computes its loss itself (`compute_loss`); else it is a classifier.

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
    progress: dict[str, Any] = {"epoch": 0, "best": -1.0, "stale": 0, "seconds": 0.0, "finished": False}
    if resume and state.is_file():
        progress |= json.loads(state.read_text(encoding="utf-8"))
        model = keras.models.load_model(folder / "last.keras")
    else:
        smoothing = recipe.label_smoothing
        model.compile(
            optimizer=keras.optimizers.AdamW(
                recipe.learning_rate,
                weight_decay=recipe.weight_decay,
                global_clipnorm=5.0,
                use_ema=True,
                ema_momentum=recipe.ema,
            ),
            loss=None
            if own_loss
            else loss or keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing),
            metrics=None if own_loss else metrics or ["accuracy"],
            jit_compile=False,  # XLA makes these networks six times slower on a CPU
        )
    epochs = _NO_END if recipe.minutes else recipe.epochs

    def endless() -> Iterator[Batch]:
        epoch = progress["epoch"]
        while epoch < epochs:
            yield from batches(epoch)
            epoch += 1

    if progress["epoch"] < epochs and not progress["finished"]:
        model.fit(
            endless(),
            steps_per_epoch=steps,
            initial_epoch=progress["epoch"],
            epochs=epochs,
            validation_data=validation,
            validation_batch_size=256,
            shuffle=False,  # the batches come shuffled
            callbacks=[
                _Schedule(recipe, steps, progress),
                _Checkpoint(folder, progress, recipe.patience),
                keras.callbacks.CSVLogger(str(folder / "history.csv"), append=progress["epoch"] > 0),
            ],
            verbose=1 if sys.stdout.isatty() else 2,
        )
        _plot_history(folder)
    return keras.models.load_model(folder / "model.keras")


def learning_rate(recipe: Recipe, done: float) -> float:
    """The rate after the share `done` of the training: linear warm-up from a 25th, then half a cosine to zero."""
    warmup = min(recipe.warmup_epochs / recipe.epochs, 1.0)
    if done < warmup:
        return recipe.learning_rate * (1 + 24 * done / warmup) / 25
    left = (1 - done) / (1 - warmup) if warmup < 1 else 0.0
    return recipe.learning_rate * (1 - math.cos(math.pi * max(0.0, left))) / 2


def _plot_history(folder: Path) -> None:
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # Keras writes NA where there is no validation.
    known = [name for name in rows[0] if rows[-1][name] != "NA"]
    shown = "accuracy" if any(name.endswith("accuracy") for name in known) else "loss"  # a detector has the loss alone
    names = [name for name in known if name.endswith(shown)]
    curves = {name: ([int(row["epoch"]) + 1 for row in rows], [float(row[name]) for row in rows]) for name in names}
    curves_plot(folder / "history.png", curves, folder.resolve().name, "epoch", shown)


class _Schedule(keras.callbacks.Callback):  # type: ignore[misc]  # keras is untyped
    """Sets the learning rate of every step, by steps or by the clock, and ends the training in time."""

    def __init__(self, recipe: Recipe, steps: int, progress: dict[str, Any]) -> None:
        super().__init__()
        self._recipe = recipe
        self._steps = steps
        self._progress = progress
        self._epoch = 0
        self._started_s = 0.0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._started_s = time.monotonic() - self._progress["seconds"]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.model.optimizer.learning_rate = learning_rate(self._recipe, self._done(batch))

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self._recipe.minutes and self._done(batch) >= 1:
            self._progress["finished"] = True
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._progress["seconds"] = time.monotonic() - self._started_s

    def _done(self, batch: int) -> float:
        if self._recipe.minutes:
            return (time.monotonic() - self._started_s) / (60 * self._recipe.minutes)
        return (self._epoch * self._steps + batch) / (self._recipe.epochs * self._steps)


class _Checkpoint(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]  # keras is untyped
    """Validates with the averaged weights (its base class's doing), and keeps both kinds on disk."""

    def __init__(self, folder: Path, progress: dict[str, Any], patience: int) -> None:
        super().__init__()
        self._folder = folder
        self._progress = progress
        self._patience = patience

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if int(self.model.optimizer.iterations) in _AVERAGE_AFRESH:
            self._finalize_ema_values()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        accuracy = (logs or {}).get("val_accuracy")
        if accuracy is None or accuracy > self._progress["best"]:
            self._progress["best"] = -1.0 if accuracy is None else float(accuracy)
            self._progress["stale"] = 0
            self.on_test_begin()
            for name, kept in _kept(self.model):
                (self._folder / name).mkdir(exist_ok=True)
                kept.save(self._folder / name / "model.keras")
            self.on_test_end()
        else:
            self._progress["stale"] += 1
            if self._progress["stale"] == self._patience:
                self._progress["finished"] = True
                self.model.stop_training = True
        self._progress["epoch"] = epoch + 1
        # Written beside and renamed: an interruption while writing leaves the epoch before.
        self.model.save(self._folder / "writing.keras")
        (self._folder / "writing.keras").replace(self._folder / "last.keras")
        (self._folder / "progress.json").write_text(json.dumps(self._progress) + "\n", encoding="utf-8")


def _kept(model: Any) -> Iterator[tuple[str, Any]]:
    """The models to keep and the folder of each in the run's."""
    both = next((layer for layer in model.layers if layer.name == "both"), None)
    if both is None:
        # Made anew of the same layers: with the optimizer that a compiled one carries, its file is four times as large.
        yield "", _of_keras(type(model)(model.input, model.output, name=model.name))
        return
    first, second = both.input
    for name, output in (("", first), (second._keras_history.operation.name, second)):
        yield name, _of_keras(keras.Model(model.inputs, output, name=model.name))


def _of_keras(model: Any) -> Any:
    """Of its own layers alone, so that whoever has the file can load it; a model with a loss of its own as it is."""
    if keras.backend.backend() != "tensorflow" or type(model).compute_loss is not keras.Model.compute_loss:
        return model
    from convert.fused_normalisation import plain

    return plain(model)
