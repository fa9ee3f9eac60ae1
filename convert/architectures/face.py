"""The face network: inverted residuals (Sandler et al. 2018, MobileNetV2) sized for 48x48 grey faces."""

from __future__ import annotations

from typing import Any

from convert.architectures.heads import Head, attach

# (expansion, channels, blocks, stride of the first block), in order of depth. Most of the work is at 12x12 and
# 6x6, where a face of 48x48 pixels still has separate eyes, brows and mouth.
_STAGES = ((3, 48, 3, 2), (3, 96, 4, 2))
_STEM = 8
_HEAD = 256


def mobile(shape: tuple[int, ...], classes: int, dropout: float = 0.3, head: Head = "pool") -> Any:
    """A network of 3x3 depthwise inverted residuals with batch normalisation and ReLU6, which quantizes well.

    Args:
        shape: height, width, channels of the input, float32 in the range that FaceInput gives.

    Returns:
        An uncompiled `keras.Model`: float32 [B, *shape] -> logits float32 [B, classes].
    """
    from keras import layers

    inputs = layers.Input(shape, name="face")
    x = _conv(inputs, _STEM, kernel=3)
    x = _conv(x, 4 * _STEM, kernel=3, stride=2)
    for expansion, channels, blocks, stride in _STAGES:
        for block in range(blocks):
            x = _inverted_residual(x, expansion, channels, stride if block == 0 else 1)
    x = _conv(x, _HEAD, kernel=1)
    return attach(inputs, x, classes, head, dropout, "mobile")


def _conv(x: Any, channels: int, kernel: int, stride: int = 1, activate: bool = True) -> Any:
    from keras import layers

    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU(max_value=6.0)(x) if activate else x


def _inverted_residual(x: Any, expansion: int, channels: int, stride: int) -> Any:
    from keras import layers

    received = x
    x = _conv(x, expansion * received.shape[-1], kernel=1)
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(max_value=6.0)(x)
    x = _conv(x, channels, kernel=1, activate=False)
    return layers.Add()([received, x]) if stride == 1 and received.shape[-1] == channels else x
