"""Multiply-adds, counted by hand and by the graph."""

from __future__ import annotations

import pytest

from convert.architectures.count import multiply_adds
from convert.keras_start import start_keras


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    return start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True).layers


def count(layers, shape, *stack) -> int:
    import keras

    inputs = layers.Input(shape)
    x = inputs
    for layer in stack:
        x = layer(x)
    return multiply_adds(keras.Model(inputs, x))


def test_each_kind_of_layer_is_counted_as_by_hand(layers):
    conv = layers.Conv2D(5, 3, strides=2, padding="same")
    assert count(layers, (8, 8, 2), conv) == 4 * 4 * 5 * 3 * 3 * 2
    depthwise = layers.DepthwiseConv2D(3, padding="same")
    assert count(layers, (8, 8, 6), depthwise) == 8 * 8 * 6 * 3 * 3
    assert count(layers, (4, 4, 3), layers.Flatten(), layers.Dense(7)) == 48 * 7
    assert count(layers, (8, 8, 2), layers.BatchNormalization(), layers.ReLU()) == 0


def test_a_model_inside_a_model_and_attention_count_too(layers):
    import keras

    inner_in = layers.Input((16,))
    inner = keras.Model(inner_in, layers.Dense(4)(inner_in))
    assert count(layers, (16,), inner, layers.Dense(2)) == 16 * 4 + 4 * 2

    tokens = layers.Input((6, 8))
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=4)(tokens, tokens)
    # Query, key, value and output projections, then scores and their weighted sum.
    assert multiply_adds(keras.Model(tokens, attended)) == 4 * 6 * 8 * 8 + 2 * 2 * 6 * 6 * 4
