"""The process that tries an accelerator."""

from __future__ import annotations

import pytest

from edge.errors import ModelError
from edge.perceive.engine import Placement
from edge.perceive.package import find_package
from edge.perceive.probe import probe


def test_it_measures_each_placement():
    path = find_package("face-emotion") / "model.tflite"
    one, two = probe(path, [Placement(), Placement(threads=2)], 0.05)
    for measured in (one, two):
        assert 0 < measured.p50_ms <= measured.p95_ms
        assert measured.first_ms > 0
        assert measured.difference == 0


def test_what_cannot_be_loaded_is_told_in_its_words(tmp_path):
    with pytest.raises(ModelError, match="not a model"):
        probe(tmp_path / "none.tflite", [Placement()], 0)
