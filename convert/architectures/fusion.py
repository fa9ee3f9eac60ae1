"""The network of learned late fusion: a weighted sum of both senses' logits, corrected by two small layers."""

from __future__ import annotations

from typing import Any

_HIDDEN = (48, 32)


def late_fusion(shape: tuple[int, ...], classes: int) -> Any:
    """An uncompiled `keras.Model`: float32 [B, *shape] as `fusion_tensor` gives it -> logits float32 [B, classes]."""
    import keras
    from keras import layers

    inputs = layers.Input(shape, name="senses")
    x = inputs
    for count in _HIDDEN:
        x = layers.Dense(count, activation="relu")(x)
    summed = layers.Add()([layers.Dense(classes)(inputs), layers.Dense(classes)(x)])
    return keras.Model(inputs, summed, name="late_fusion")
