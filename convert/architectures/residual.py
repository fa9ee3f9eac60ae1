"""The edge network: few, dense 3x3 convolutions with residuals (He et al. 2016), sized for 48x48 grey faces.

Dense convolutions cost more multiply-adds than depthwise ones and less time for each: on a CPU, training and int8
inference of this network are faster than those of the inverted residuals in `face.mobile`, at three times the work.
"""

from __future__ import annotations

from typing import Any

from convert.architectures.heads import Head, attach

# Channels at a half, a quarter and an eighth of the input's side. Most of the work is at 12x12 and 6x6, where a face
# of 48x48 pixels still has separate eyes, brows and mouth.
EDGE_WIDTHS = (32, 64, 160)
SMALL_WIDTHS = (24, 32, 38)  # as much as 120 kB of int8 hold
_STEM_KERNEL = 5  # sees what two 3x3 would, at a quarter of the positions
_MOMENTUM = 0.97  # of batch statistics: follows a training of a few thousand steps


def residual(
    shape: tuple[int, ...],
    classes: int,
    dropout: float = 0.3,
    head: Head = "weighted",
    widths: tuple[int, ...] = EDGE_WIDTHS,
) -> Any:
    """A plain residual network with ReLU, of the operations that int8 kernels have.

    Args:
        shape: height, width, channels of the input, float32 in the range that FaceInput gives.

    Returns:
        An uncompiled `keras.Model`: float32 [B, *shape] -> logits float32 [B, classes].
    """
    from keras import layers

    inputs = layers.Input(shape, name="face")
    x = _conv(inputs, widths[0], kernel=_STEM_KERNEL, stride=2)
    for stage, width in enumerate(widths):
        if stage:
            x = _conv(_conv(x, width, stride=2), width)
        received = x
        x = _conv(_conv(x, width), width, activate=False, gamma="zeros")  # starts as the identity (Goyal et al. 2017)
        x = layers.ReLU()(layers.Add()([received, x]))
    return attach(inputs, x, classes, head, dropout, "edge")


def _conv(x: Any, channels: int, kernel: int = 3, stride: int = 1, activate: bool = True, gamma: str = "ones") -> Any:
    from keras import layers

    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False, kernel_initializer="he_normal")(
        x
    )
    x = layers.BatchNormalization(momentum=_MOMENTUM, gamma_initializer=gamma)(x)
    return layers.ReLU()(x) if activate else x
