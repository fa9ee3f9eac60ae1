"""The face network that ships."""

from __future__ import annotations

import numpy as np
import pytest

from convert.keras_start import start_keras


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)


def test_it_is_within_the_budget_of_the_device(keras):
    from convert.architectures.count import multiply_adds
    from convert.architectures.residual import residual

    model = residual((48, 48, 1), 7)
    assert multiply_adds(model) <= 60e6
    assert model.count_params() < 1_000_000


def test_its_blocks_start_as_the_identity(keras):
    from convert.architectures.residual import residual

    model = residual((24, 24, 1), 7, widths=(4, 8))
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Add))
    received, branch = keras.Model(model.inputs, first.input).predict(
        np.random.default_rng(0).uniform(-1, 1, (2, 24, 24, 1)).astype(np.float32), verbose=0
    )
    assert np.abs(received).max() > 0
    assert np.abs(branch).max() == 0
