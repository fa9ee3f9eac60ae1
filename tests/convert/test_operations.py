"""What a file computes, and how far one is from another."""

from __future__ import annotations

import numpy as np

from convert.float_model import load_float
from convert.operations import EXACT_DB, LayerError, keep_in_float, layer_errors, operations
from convert.schemes import convert


def test_work_is_counted_as_on_paper(tiny_keras, tmp_path):
    found = operations(load_float(tiny_keras(), tmp_path / "log").tflite)
    work = {op.name: op.macs for op in found if op.macs}
    assert work == {"CONV_2D": 6 * 6 * 8 * 9, "DEPTHWISE_CONV_2D": 6 * 6 * 8 * 9, "FULLY_CONNECTED": 8 * 7}


def test_each_layer_has_its_error_the_worst_first(tiny_keras, tmp_path):
    model = load_float(tiny_keras(), tmp_path / "log")
    tensors = np.random.default_rng(0).uniform(-1, 1, (8, 12, 12, 1)).astype(np.float32)
    assert all(error.sqnr_db == EXACT_DB for error in layer_errors(model.tflite, model.tflite, tensors))
    int8 = convert(model, "int8", tensors, tmp_path / "log")
    errors = layer_errors(model.tflite, int8, tensors)
    assert {error.operation for error in errors} >= {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert all(20 < error.sqnr_db < 60 for error in errors)
    assert errors == sorted(errors, key=lambda error: (error.sqnr_db, error.output))


def test_where_the_signal_is_lost_comes_first_and_what_it_reads_next():
    found = [("said", 1.0, 4), ("back", 2.0, 2), ("flat", 2.0, 3), ("first", 30.0, 0), ("wide", 40.0, 1)]
    errors = [LayerError(name, "CONV_2D", ratio_db, index) for name, ratio_db, index in found]
    assert keep_in_float(errors) == ["back", "wide", "said", "flat", "first"]
    assert keep_in_float([]) == []
