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
