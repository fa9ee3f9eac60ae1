from __future__ import annotations

import numpy as np

from convert.metrics import figures
from convert.table import figures_table


def test_the_table_shows_each_entry_its_folds_and_the_last_confusion():
    labels = np.array([0, 1, 1, 2])
    measured = figures(np.eye(7, dtype=np.float32)[[0, 1, 2, 2]], labels)
    folds = {"uar_mean": 0.5, "uar_std": 0.04, "uar_folds": [0.46, 0.54]}
    text = figures_table({"first": measured, "held out": {**measured, **folds}})
    assert "75.00 %" in text
    assert "held out: mean UAR 50.00 %, standard deviation 4.0 (folds: 46.0, 54.0)" in text
    assert text.splitlines()[-6].split() == ["disgust", "0", "1", "1", "0", "0", "0", "0"]
    assert " - " in text  # no sad face was there to be recalled
