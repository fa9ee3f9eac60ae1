"""A pack of photos in the form of the real one: the astronaut's face at known places, and pictures without a face."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut, coins

_COLUMNS = ("file", "x", "y", "w", "h", *(f"{p}_{a}" for p in ("re", "le", "n", "rm", "lm") for a in "xy"), "score")
# Of scikit-image's picture of 512x512.
BOX = (176.0, 66.0, 92.0, 118.0)
POINTS = ((201.0, 112.0), (245.0, 112.0), (226.0, 136.0), (205.0, 155.0), (243.0, 153.0))


def write_photos(folder: Path, count: int = 24) -> Path:
    """`count` photos of 320x320 in ``train``, two in ``test``, two backgrounds of each kind."""
    rows, low = [], []
    for part in ("train", "test", "background", "background_hard"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        scale = 0.4 + 0.2 * (number % 3)
        name = f"photo_{number:03}.png"
        cv2.imwrite(str(folder / "train" / name), scaled(scale))
        box, points = (np.array(values) * scale for values in (BOX, POINTS))
        rows.append([name, *box, *points.ravel(), 0.9])
        low.append([name, 4, 4, 12, 12, 0.4])
    _write(folder / "train" / "labels.csv", _COLUMNS, rows)
    _write(folder / "train" / "labels_low.csv", ("file", "x", "y", "w", "h", "score"), low)
    tests = []
    for number in range(2):
        cv2.imwrite(str(folder / "test" / f"test_{number}.png"), scaled(0.6))
        tests.append([f"test_{number}.png", *(np.array(BOX) * 0.6), 0])
    tests.append(["test_0.png", 4, 200, 30, 30, 1])
    _write(folder / "test" / "boxes.csv", ("file", "x", "y", "w", "h", "ignore"), tests)
    for part in ("background", "background_hard"):
        for number in range(2):
            cv2.imwrite(str(folder / part / f"{number}.png"), np.roll(coins(), 40 * number, axis=1))
    return folder


def scaled(scale: float) -> np.ndarray:
    """uint8 [320, 320, 3] BGR: the astronaut at `scale` on grey."""
    picture = np.full((320, 320, 3), 90, np.uint8)
    small = cv2.resize(astronaut()[:, :, ::-1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:320, :320]
    picture[: small.shape[0], : small.shape[1]] = small
    return picture


def _write(path: Path, columns: tuple[str, ...], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
