from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convert.plots import bars_plot, confusion_plot, curves_plot, reliability_plot


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def _confusion(path: Path, diagonal: int) -> np.ndarray:
    confusion_plot(path, np.array([[diagonal, 2], [3, diagonal]]), ("no", "yes"), "two")
    return _pixels(path)


def test_a_confusion_matrix_is_dark_where_the_model_is_right(tmp_path: Path):
    right, wrong = _confusion(tmp_path / "new" / "a.png", 90), _confusion(tmp_path / "b.png", 0)
    height, width, _ = right.shape
    # A patch beside the number of the upper left cell, and of the one right of it.
    cell = (slice(int(height * 0.25), int(height * 0.3)), slice(int(width * 0.35), int(width * 0.4)))
    assert right[cell].mean() < wrong[cell].mean() - 60


def test_the_same_figures_give_the_same_bytes(tmp_path: Path):
    bins = [{"from": 0.0, "to": 0.5, "count": 4, "accuracy": 0.5}, {"from": 0.5, "to": 1.0, "count": 0, "accuracy": 0}]
    for name in ("a", "b"):
        reliability_plot(tmp_path / f"{name}.png", bins, "reliability")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert _pixels(tmp_path / "a.png").std() > 10


@pytest.mark.parametrize("level", [0.2, 0.9])
def test_curves_and_bars_show_their_values(level: float, tmp_path: Path):
    curves_plot(tmp_path / "c.png", {"one": ((0, 1), (0, level)), "two": ((0, 1), (1, 0))}, "c", "x", "y")
    bars_plot(tmp_path / "d.png", {"short": level, "long": 1.0}, "d", "share")
    blue = (_pixels(tmp_path / "d.png") == (31, 119, 180)).all(axis=2).sum(axis=1)
    rows = blue[blue > 0]
    assert np.isclose(rows[0] / rows[-1], level, atol=0.03)
    assert (_pixels(tmp_path / "c.png") == (31, 119, 180)).all(axis=2).any()
