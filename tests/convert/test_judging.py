from __future__ import annotations

import pytest

from convert.judging import label_of


@pytest.mark.parametrize(
    ("scheme", "label"),
    [("int8", "int8"), ("int8-float-io", "int8"), ("int16x8", "int16x8"), ("mixed", "mixed"), ("float16", "float16")],
)
def test_figures_of_both_forms_of_int8_stand_under_one_name(scheme: str, label: str):
    assert label_of(scheme) == label
