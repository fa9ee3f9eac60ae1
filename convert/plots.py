"""Figures as PNG for reports: confusion, reliability, coverage, a training's history, bars. Drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError

_DPI = 120
_SHADE = 0.55  # of a row's images: above it a cell is dark, and its number white


def confusion_plot(path: Path, matrix: NDArray[np.int64], labels: Sequence[str], title: str) -> None:
    """Write the confusion matrix int64 [K, K] (row true, column said) with counts, shaded by the share of its row."""
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = _subplots(5.6, 5.0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in range(len(labels)):
        for column in range(len(labels)):
            colour = "white" if shares[row, column] > _SHADE else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="said", ylabel="true", title=title)
    _save(figure, path)


def reliability_plot(path: Path, bins: Sequence[Mapping[str, float]], title: str) -> None:
    """Write the reliability diagram (Niculescu-Mizil and Caruana 2005) of `metrics.reliability`'s bins."""
    figure, (upper, lower) = _subplots(5.0, 5.6, rows=2, heights=(3, 1))
    left = [values["from"] for values in bins]
    width = [values["to"] - values["from"] for values in bins]
    counts = [values["count"] for values in bins]
    accuracy = [values["accuracy"] if values["count"] else 0.0 for values in bins]
    upper.bar(left, accuracy, width, align="edge", edgecolor="white", label="accuracy")
    upper.plot((0, 1), (0, 1), color="black", linestyle="--", linewidth=1, label="perfectly calibrated")
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right", title=title)
    upper.legend(loc="upper left", fontsize=8)
    lower.bar(left, counts, width, align="edge", color="grey", edgecolor="white")
    lower.set(xlim=(0, 1), xlabel="confidence", ylabel="count")
    _save(figure, path)


def curves_plot(
    path: Path, curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str, x: str, y: str
) -> None:
    """Write lines, each of `curves` as name: (x values, y values), into one plot with a legend."""
    figure, axes = _subplots(6.0, 4.0)
    for name, (across, up) in curves.items():
        axes.plot(across, up, label=name)
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def bars_plot(path: Path, values: Mapping[str, float], title: str, x: str) -> None:
    """Write one horizontal bar for each of `values`, the first on top, with its number."""
    figure, axes = _subplots(6.0, 0.8 + 0.32 * len(values))
    drawn = axes.barh(list(values), list(values.values()))
    axes.bar_label(drawn, fmt="%.3g", padding=2, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel=x, title=title)
    axes.margins(x=0.12)
    _save(figure, path)


def intervals_plot(path: Path, rows: Mapping[str, Mapping[str, tuple[float, float, float]]], title: str) -> None:
    """Write shares with their intervals side by side: `rows` is name -> series -> (share, low, high)."""
    figure, axes = _subplots(7.0, 3.6)
    series = list(next(iter(rows.values())))
    width = 0.8 / len(series)
    for number, name in enumerate(series):
        values = [row[name] for row in rows.values()]
        places = [place + width * (number - (len(series) - 1) / 2) for place in range(len(rows))]
        shares = [value[0] for value in values]
        # Rounding can put a share a hair outside its own interval.
        spread = [
            [max(0.0, value[0] - value[1]) for value in values],
            [max(0.0, value[2] - value[0]) for value in values],
        ]
        axes.bar(places, shares, width, label=name, yerr=spread, capsize=2)
    axes.set_xticks(range(len(rows)), list(rows))
    axes.set(ylim=(0, 1), title=title)
    axes.legend(fontsize=8)
    _save(figure, path)


def _subplots(width_inch: float, height_inch: float, rows: int = 1, heights: Sequence[float] | None = None) -> Any:
    """A figure and its axes, of matplotlib's object interface: it keeps no global state and opens no window."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(f"a plot needs matplotlib: {error}. Install 'emotion-edge[convert]'.") from error
    figure = Figure(figsize=(width_inch, height_inch), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, 1, height_ratios=heights)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the library's version in the file, the same figures give the same bytes.
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})
