"""The speech network: separable convolutions over time with MFCC as channels, and statistics pooling.

Coefficients as channels is TC-ResNet's idea (Choi et al. 2019); mean and spread over time is x-vectors' pooling
(Snyder et al. 2018), here with the mean absolute deviation, which int8 kernels have, instead of the standard
deviation, which they lack.
"""

from __future__ import annotations

from typing import Any

_STEM = 64
# (channels, kernel in frames, stride): 9 frames of 10 ms at first, seeing 1.3 s at the end.
_BLOCKS = ((64, 9, 2), (96, 9, 2), (96, 9, 1), (128, 9, 2), (128, 9, 1))


def separable(shape: tuple[int, ...], classes: int, dropout: float = 0.3) -> Any:
    """A residual network of depthwise-separable convolutions over time.

    Args:
        shape: frames, coefficients of the input: normalised MFCC.

    Returns:
        An uncompiled `keras.Model`: float32 [B, *shape] -> logits float32 [B, classes].
    """
    import keras
    from keras import layers

    frames, coefficients = shape
    inputs = layers.Input(shape, name="speech")
    # Two-dimensional layers with a side of 1: TFLite has no one-dimensional kernels.
    x = layers.Reshape((frames, 1, coefficients))(inputs)
    x = layers.Conv2D(_STEM, (3, 1), padding="same", use_bias=False)(x)
    x = layers.ReLU(max_value=6.0)(layers.BatchNormalization()(x))
    for channels, kernel, stride in _BLOCKS:
        x = _block(x, channels, kernel, stride)
    mean = layers.GlobalAveragePooling2D(keepdims=True)(x)
    deviation = keras.ops.abs(layers.Subtract()([x, mean]))
    x = layers.Concatenate()([layers.Flatten()(mean), layers.GlobalAveragePooling2D()(deviation)])
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="separable")


def _block(x: Any, channels: int, kernel: int, stride: int) -> Any:
    from keras import layers

    received = x
    x = layers.DepthwiseConv2D((kernel, 1), strides=(stride, stride), padding="same", use_bias=False)(x)
    x = layers.ReLU(max_value=6.0)(layers.BatchNormalization()(x))
    x = layers.Conv2D(channels, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    if stride > 1 or received.shape[-1] != channels:
        received = layers.Conv2D(channels, 1, strides=(stride, 1), use_bias=False)(received)
        received = layers.BatchNormalization()(received)
    return layers.ReLU(max_value=6.0)(layers.Add()([x, received]))
