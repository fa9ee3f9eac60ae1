"""Leave-one-corpus-out: how a run's models do on the corpus that each has never met, on the emotions that both have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convert.datasets.speech import load_corpora
from convert.folds import INT8, HeldOut, Making, judge
from convert.judging import label_of
from convert.metrics import figures
from edge.records import EMOTIONS


def corpus_folders(run: Path) -> list[Path]:
    """The folders of the models without a corpus below the run's folder; none if it was trained without --corpora."""
    return sorted(path.parent for path in run.glob("without-*/model.keras"))


def left_out_figures(
    folder: Path, data: Path, making: Making = INT8, temperature: float = 1.0
) -> dict[str, dict[str, Any]]:
    """``{"float": ..., "int8": ...}``: figures of the model in `folder` on the corpus that it never met.

    Both choose among the shared emotions only: those of the corpus that the others have too. As `figures`, and
    ``chance`` (the UAR of guessing), ``above_chance``, ``emotions``.

    Raises:
        ConfigError: the corpus is not in `data`, or the model was trained on one of its speakers or sounds.
    """
    corpus = folder.name.removeprefix("without-")
    fold: HeldOut = judge(folder, data, making)
    known = {clip.emotion for clip in load_corpora(data) if clip.corpus != corpus}
    shared = [index for index, emotion in enumerate(EMOTIONS) if emotion in known and index in fold.labels]
    names = [EMOTIONS[index] for index in shared]
    chosen = np.isin(fold.labels, shared)
    truth = np.searchsorted(shared, fold.labels[chosen])
    result = {}
    for kind, logits in (("float", fold.by_float), (label_of(making.scheme), fold.converted)):
        shares = fold.emotions(logits[chosen], temperature)[:, shared]
        found = figures(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9), truth, names)
        chance = 1 / len(shared)
        result[kind] = {
            **found,
            "emotions": names,
            "chance": round(chance, 4),
            "above_chance": round(found["uar"] - chance, 4),
        }
    return result
