"""The gate's report."""

from __future__ import annotations

import numpy as np

from convert.gate import Limits, as_json, compare, losses
from convert.gate_report import write_report
from edge.records import EMOTIONS


def _report():
    labels = np.repeat(np.arange(7), 20)
    exact = np.eye(7, dtype=np.float32)[labels] * 0.9 + np.float32(0.1 / 7)
    found = exact.copy()
    found[:10] = np.roll(found[:10], 1, axis=1)
    compared = compare(exact, found, labels, EMOTIONS)
    findings = losses(compared, Limits(), "head/Conv2D", "int8")
    return {
        "model": "theirs.h5",
        "scheme": "int8",
        "passed": False,
        "findings": as_json(findings),
        "evaluated_on": "their test set",
        "compared": compared,
        "worst_layers": [{"output": "head/Conv2D", "operation": "CONV_2D", "sqnr_db": 9.5}],
        "contract": {"labels": list(EMOTIONS), "input": {}, "known_by": {"labels": "given"}},
        "calibration": {"count": 1, "data": "theirs", "seed": 7, "items": ["one"]},
        "converter": {"keras": "3"},
    }


def test_it_says_what_was_found_and_what_to_try_and_is_the_same_again(tmp_path):
    for name in ("one", "two"):
        write_report(tmp_path / name, _report())
    text = (tmp_path / "one" / "report.md").read_text(encoding="utf-8")
    assert "# theirs.h5 as int8: **must not ship**" in text
    assert "accuracy falls by 7.14 points" in text
    assert "the recall of angry falls by 50.00 points" in text
    assert "| `head/Conv2D` | CONV_2D | 9.5 dB |" in text
    for name in ("report.json", "report.md", "recall.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
