"""The speech network: separable convolutions over time with MFCC as channels, and statistics pooling.

Coefficients as channels is TC-ResNet's idea (Choi et al. 2019); mean and spread over time is x-vectors' pooling
(Snyder et al. 2018), here with the mean absolute deviation, which int8 kernels have, instead of the standard
deviation, which they lack.
"""

from __future__ import annotations

from typing import Any

_STEM = 64
# (channels, kernel, stride): from frames of 16 ms the stem makes steps of 32 ms, the first block steps of 64 ms.
_BLOCKS = ((64, 9, 2), (96, 9, 1), (96, 9, 1), (128, 9, 1), (128, 9, 1))


def separable(
    shape: tuple[int, ...],
    classes: int,
    dropout: float = 0.3,
    width: int = 1,
    causal: bool = False,
    attention: bool = False,
) -> Any:
    """A residual network of depthwise-separable convolutions over time.

    Args:
        shape: frames, channels of the input: normalised frames.
        width: how many times as many channels as the device's.
        causal: a convolution looks at the past alone.
        attention: steps of time count as much as the network finds them worth.

    Returns:
        An uncompiled `keras.Model`: float32 [B, *shape] -> logits float32 [B, classes].
    """
    import keras
    from keras import layers

    inputs, x = over_time(shape)
    x, padding = _before(x, 5, causal)
    x = layers.Conv2D(width * _STEM, (5, 1), strides=(2, 1), padding=padding, use_bias=False)(x)
    x = layers.ReLU(max_value=6.0)(layers.BatchNormalization()(x))
    for channels, kernel, stride in _BLOCKS:
        x = _block(x, width * channels, kernel, stride, causal)
    x = layers.Dropout(dropout)(statistics(weighed(x) if attention else x))
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="separable")


def weighed(x: Any) -> Any:
    """[B, T, 1, C] -> the same, each step of time times a weight in 0..1 that the network makes of it.

    After attentive statistics pooling (Okabe et al. 2018). Their softmax over time gives weights near 1 / T, of which
    int8 keeps two or three bits; a sigmoid's keep all eight.
    """
    from keras import layers

    return layers.Multiply()([x, layers.Conv2D(1, 1, activation="sigmoid")(x)])


def over_time(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The input [B, frames, channels], and it as [B, frames, 1, channels]: TFLite has no one-dimensional kernels."""
    from keras import layers

    frames, channels = shape
    inputs = layers.Input(shape, name="speech")
    return inputs, layers.Reshape((frames, 1, channels))(inputs)


def statistics(x: Any) -> Any:
    """[B, frames, 1, C] -> [B, 2 C]: each channel's mean over time, and its mean absolute deviation from it."""
    import keras
    from keras import layers

    mean = layers.GlobalAveragePooling2D(keepdims=True)(x)
    deviation = keras.ops.abs(layers.Subtract()([x, mean]))
    return layers.Concatenate()([layers.Flatten()(mean), layers.GlobalAveragePooling2D()(deviation)])


def _before(x: Any, kernel: int, causal: bool) -> tuple[Any, str]:
    """`x` for a convolution of `kernel` steps, and that convolution's padding."""
    from keras import layers

    return (layers.ZeroPadding2D(((kernel - 1, 0), (0, 0)))(x), "valid") if causal else (x, "same")


def _block(x: Any, channels: int, kernel: int, stride: int, causal: bool) -> Any:
    from keras import layers

    received = x
    x, padding = _before(x, kernel, causal)
    x = layers.DepthwiseConv2D((kernel, 1), strides=(stride, stride), padding=padding, use_bias=False)(x)
    x = layers.ReLU(max_value=6.0)(layers.BatchNormalization()(x))
    x = layers.Conv2D(channels, 1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    if stride > 1 or received.shape[-1] != channels:
        received = layers.Conv2D(channels, 1, strides=(stride, 1), use_bias=False)(received)
        received = layers.BatchNormalization()(received)
    return layers.ReLU(max_value=6.0)(layers.Add()([x, received]))
