from __future__ import annotations

import numpy as np

from convert.representative import balanced


def test_rare_groups_are_taken_whole_and_frequent_ones_evenly():
    groups = ["rare"] * 10 + ["common"] * 3000 + ["other"] * 3000
    chosen = balanced(groups)
    counts = [sum(groups[index] == name for index in chosen) for name in ("rare", "common", "other")]
    assert counts == [10, 170, 170]
    assert len(set(chosen.tolist())) == 350
    assert np.array_equal(chosen, balanced(groups))


def test_few_items_are_all_taken():
    assert balanced(["a", "b", "b"]).tolist() == [0, 1, 2]
