"""One model of several trainings: the average of their weights (Wortsman et al. 2022, model soups)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from convert.float_model import load_keras
from convert.run import read_run
from edge.errors import ConfigError


def average(runs: Sequence[Path], out: Path) -> None:
    """Write the run `out` whose weights are the mean of those of `runs`.

    It helps where the runs went on from the same one: then what lies between them is as good as they are, and
    steadier. Runs that began at random have nothing between them.

    Raises:
        ConfigError: a run cannot be read, is of another network, input or labels than the first, or `out` holds a run.
    """
    if len(runs) < 2:
        raise ConfigError(f"average: expected two runs or more, got {len(runs)}.")
    if (out / "model.keras").exists():
        raise ConfigError(f"{out}: holds a run already. Choose another folder with --out.")
    first = read_run(runs[0])
    out.mkdir(parents=True, exist_ok=True)
    model = load_keras(runs[0] / "model.keras", out / "keras.log")
    total = [np.asarray(weight, np.float64) for weight in model.get_weights()]
    for path in runs[1:]:
        run = read_run(path)
        weights = load_keras(path / "model.keras", out / "keras.log").get_weights()
        same = (run.task, run.input, run.labels) == (first.task, first.input, first.labels)
        if not same or [weight.shape for weight in weights] != [weight.shape for weight in total]:
            raise ConfigError(f"{path}: expected the network, input and labels of {runs[0]}.")
        total = [one + other for one, other in zip(total, weights, strict=True)]
    model.set_weights([(weight / len(runs)).astype(np.float32) for weight in total])
    model.save(out / "model.keras")
    others = [read_run(path).about for path in runs[1:]]
    replace(first, about={**first.about, "averaged_with": others}).write(out)
