from __future__ import annotations

import numpy as np
import pytest

from convert.equalize import equalize

_TENSORS = np.random.default_rng(3).uniform(-1, 1, (40, 12, 12, 3)).astype(np.float32)


@pytest.mark.parametrize("between", ["nothing", "separable"])
def test_ranges_become_equal_and_the_function_stays(between, uneven):
    model = uneven(between)
    before = model(_TENSORS).numpy()
    import keras

    assert equalize(model, _TENSORS) == 1
    np.testing.assert_allclose(model(_TENSORS).numpy(), before, rtol=1e-3, atol=1e-3 * np.abs(before).max())
    pair = model.get_layer("pair")
    if between == "nothing":
        largest = np.abs(keras.Model(model.inputs[0], pair.output)(_TENSORS).numpy()).max(axis=(0, 1, 2))
        behind = np.abs(model.get_layer("reader").kernel.numpy()).max(axis=(0, 1, 3))
    else:
        received = keras.Model(model.inputs[0], pair.input)(_TENSORS)
        largest = np.abs(keras.ops.depthwise_conv(received, pair.depthwise_kernel).numpy()).max(axis=(0, 1, 2))
        behind = np.abs(pair.pointwise_kernel.numpy()).max(axis=(0, 1, 3))
    np.testing.assert_allclose(largest, behind, rtol=1e-3)


@pytest.mark.parametrize("between", ["relu", "seen", "seen by an operator"])
def test_what_stands_between_or_looks_on_is_left_alone(between, uneven):
    model = uneven(between)
    before = model.get_weights()
    assert equalize(model, _TENSORS) == 0
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_channel_that_is_never_seen_stays(uneven):
    model = uneven("nothing")
    pair, reader = model.get_layer("pair"), model.get_layer("reader")
    kernel = pair.kernel.numpy()
    kernel[:, :, 2] = 0
    pair.kernel.assign(kernel)
    before, behind = model(_TENSORS).numpy(), reader.kernel.numpy()[:, :, 2]
    assert equalize(model, _TENSORS) == 1
    np.testing.assert_array_equal(reader.kernel.numpy()[:, :, 2], behind)
    np.testing.assert_allclose(model(_TENSORS).numpy(), before, rtol=1e-3, atol=1e-3 * np.abs(before).max())


def test_a_bias_is_shared_out_with_its_channel(uneven):
    model = uneven("nothing")
    model.get_layer("pair").bias.assign(np.linspace(-3, 3, 8))
    before = model(_TENSORS).numpy()
    assert equalize(model, _TENSORS) == 1
    np.testing.assert_allclose(model(_TENSORS).numpy(), before, rtol=1e-3, atol=1e-3 * np.abs(before).max())


def test_a_sequential_model_from_a_file_is_known_too(uneven, tmp_path):
    import keras

    model = keras.Sequential([keras.layers.Input((12, 12, 3)), *uneven("nothing").layers[1:]])
    model.save(tmp_path / "sequential.keras")
    model = keras.models.load_model(tmp_path / "sequential.keras")
    before = model(_TENSORS).numpy()
    assert equalize(model, _TENSORS) == 1
    np.testing.assert_allclose(model(_TENSORS).numpy(), before, rtol=1e-3, atol=1e-3 * np.abs(before).max())
