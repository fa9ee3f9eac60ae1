"""One file on one accelerator."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ModelError
from edge.perceive.engine import Engine, Placement
from edge.perceive.package import find_package


def test_floats_in_floats_out_for_an_int8_file():
    engine = Engine(find_package("face-emotion") / "model.tflite")
    assert (engine.input_shape, engine.output_shapes) == ((1, 48, 48, 1), [(1, 7)])
    (values,) = engine.run(np.zeros((48, 48, 1), np.float32))
    assert (values.shape, values.dtype) == ((7,), np.float32)
    assert values.max() > values.min()


def test_threads_do_not_change_the_answer():
    path = find_package("face-emotion") / "model.tflite"
    tensor = np.random.default_rng(0).uniform(-1, 1, (48, 48, 1)).astype(np.float32)
    one, two = (Engine(path, Placement(threads=threads)).run(tensor)[0] for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("accelerator", ["cpu", "gpu"])
def test_a_file_that_is_no_model_is_named(tmp_path, accelerator):
    (tmp_path / "model.tflite").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"model\.tflite: not "):
        Engine(tmp_path / "model.tflite", Placement(accelerator))
