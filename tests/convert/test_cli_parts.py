from __future__ import annotations

import argparse
import json

import numpy as np
import pytest

from convert.cli_parts import positive, write_figures
from convert.metrics import figures

_LABELS = np.arange(70) % 7
_MEASURED = {"PrivateTest": figures(np.eye(7, dtype=np.float32)[_LABELS], _LABELS)}


@pytest.mark.parametrize("text", ["0", "-1"])
def test_a_count_below_1_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected 1 or more, got {text}"):
        positive(text)
    assert positive("1") == 1


def test_figures_go_to_people_and_to_a_file(tmp_path, capsys):
    write_figures(_MEASURED, str(tmp_path / "figures.json"))
    assert "PrivateTest" in capsys.readouterr().out
    assert json.loads((tmp_path / "figures.json").read_text()) == _MEASURED


def test_figures_to_standard_output_are_json_alone(capsys):
    write_figures(_MEASURED, "-")
    assert json.loads(capsys.readouterr().out) == _MEASURED
