"""Figures as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COLUMNS = ("accuracy", "uar", "macro_f1", "ece")


def figures_table(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """One row for each entry of `measured` (as `convert.metrics.figures` gives them), then the recalls, in percent.

    Where an entry has figures of folds, their mean and spread follow; the confusion matrix of the last entry ends it.
    """
    width = max(map(len, measured))
    lines = [f"{'':{width}}  count  " + " ".join(f"{name:>9}" for name in _COLUMNS)]
    for name, values in measured.items():
        lines.append(f"{name:{width}}  {values['count']:5}  " + " ".join(_percent(values[key]) for key in _COLUMNS))
    labels = max((list(values["recall"]) for values in measured.values()), key=len)  # some know an eighth
    lines += ["", f"{'recall':{width}}         " + " ".join(f"{label:>9}" for label in labels)]
    for name, values in measured.items():
        lines.append(f"{name:{width}}         " + " ".join(_percent(values["recall"].get(label)) for label in labels))
    for name, values in measured.items():
        if "uar_mean" in values:
            folds = ", ".join(f"{100 * share:.1f}" for share in values["uar_folds"])
            spread = f"standard deviation {100 * values['uar_std']:.1f}"
            lines += ["", f"{name}: mean UAR {100 * values['uar_mean']:.2f} %, {spread} (folds: {folds})"]
    name, values = list(measured.items())[-1]
    lines += ["", f"confusion, {name}: a row is the true emotion, a column the answer"]
    lines.append(" " * 10 + " ".join(f"{label:>9}" for label in values["recall"]))
    for label, row in zip(values["recall"], values["confusion"], strict=True):
        lines.append(f"{label:10}" + " ".join(f"{count:9}" for count in row))
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return f"{'-':>9}" if share is None else f"{100 * share:7.2f} %"
