"""The fused kernel computes what Keras' layer computes."""

from __future__ import annotations

import numpy as np


def test_it_normalises_and_learns_its_statistics_as_keras_does():
    import keras

    from convert.fused_normalisation import FusedNormalisation

    batch = np.random.default_rng(0).normal(3, 2, (4, 6, 5, 7)).astype(np.float32)
    layers = [FusedNormalisation(momentum=0.9), keras.layers.BatchNormalization(momentum=0.9)]
    trained = [np.asarray(layer(batch, training=True)) for layer in layers]
    np.testing.assert_allclose(trained[0], trained[1], atol=1e-4)
    judged = [np.asarray(layer(batch, training=False)) for layer in layers]
    np.testing.assert_allclose(judged[0], judged[1], rtol=0.01, atol=0.01)
    assert [weight.shape for weight in layers[0].get_weights()] == [weight.shape for weight in layers[1].get_weights()]


def test_a_network_is_fused_where_the_kernel_can_and_kept_as_keras_layers():
    import keras
    from keras import layers

    from convert.fused_normalisation import fused, plain

    inputs = layers.Input((8, 8, 1))
    x = layers.BatchNormalization(name="fits")(layers.Conv2D(4, 3, name="conv")(inputs))
    x = layers.BatchNormalization(scale=False, name="unscaled")(x)
    x = layers.BatchNormalization(name="flat")(layers.GlobalAveragePooling2D()(x))
    network = keras.Model(inputs, layers.Dense(2)(x))
    batch = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype(np.float32)

    quick = fused(network)
    kinds = [type(quick.get_layer(name)).__name__ for name in ("fits", "unscaled", "flat")]
    assert kinds == ["FusedNormalisation", "BatchNormalization", "BatchNormalization"]
    quick(batch, training=True)
    again = plain(quick)
    assert {type(layer).__module__.split(".")[0] for layer in again.layers} == {"keras"}
    np.testing.assert_array_equal(again(batch), quick(batch))
    assert not np.allclose(again(batch), network(batch), atol=1e-6)  # what the step learned is in it
    assert plain(again) is again
