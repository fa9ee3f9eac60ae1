"""The face detector: separable convolutions, three levels, no anchors.

The body is MobileNet v1's (Howard et al. 2017) with YuNet's proportions (Wu et al. 2023): a detector's work is at high
resolution, where few channels do. A top-down path (Lin et al. 2017, feature pyramids) gives the fine levels the coarse
ones' context; one head for all levels (Tian et al. 2019, FCOS) sees faces of the same size in cells everywhere.
"""

from __future__ import annotations

import math
from typing import Any

from edge.perceive.cells import BOX, LANDMARK_UNIT, LANDMARKS, OFFSETS, SCORE

#: What outputs in cells are multiplied by in a package, before they are moved by `OFFSETS`.
SCALES = {SCORE: 1.0, BOX: 1.0, LANDMARKS: 1 / LANDMARK_UNIT}

# (channels, blocks) at strides 4, 8, 16, 32; the first block of each halves the resolution.
_STAGES = ((32, 1), (64, 3), (96, 3), (128, 2))
_STEM = 16
_NECK = 64
# Sides of depthwise kernels: larger ones where they cost next to nothing, so that the cells of the coarsest level see
# 655 pixels instead of 351, the whole of a face that fills the picture.
_BODY_KERNELS = (3, 3, 5, 5)  # of each stage
_NECK_KERNELS, _HEAD_KERNELS = (3, 5, 5), (3, 3, 5)  # of strides 8, 16, 32
# Share of cells that hold a face at the start of training (Lin et al. 2017, focal loss): keeps the first steps calm.
_PRIOR = 0.01


def pyramid(shape: tuple[int | None, ...], model: Any = None, normalisation: Any = None, bounded: bool = False) -> Any:
    """The detector for pictures of one size, or of any (None, None, C); its weights do not depend on the size.

    Args:
        shape: height, width, channels of the input, float32 in the range that DetectorInput gives; height and width
            are multiples of the coarsest stride.
        model, normalisation: subclasses of `keras.Model` and of `layers.BatchNormalization` to build it of; the
            weights are the same.
        bounded: outputs as a package has them, by `edge.perceive.cells.OFFSETS` higher and cut to 0..6, landmarks
            in units of `LANDMARK_UNIT` cells. Cells that see no face answer anything; without bounds their answers
            would stretch the int8 scale until those of the others were a few steps apart. Training
            needs the gradient that a bound cuts off.

    Returns:
        An uncompiled `keras.Model`: float32 [B, *shape] -> ``score`` logits [B, A, 1], ``box`` [B, A, 4],
        ``landmarks`` [B, A, 10] of A cells, level by level, row by row.
    """
    import keras
    from keras import layers

    normalise = normalisation or layers.BatchNormalization
    inputs = layers.Input(shape, name="picture")
    x = _conv(inputs, normalise, _STEM, kernel=3, stride=2, name="stem")
    levels = []
    for stage, (channels, blocks) in enumerate(_STAGES):
        for block in range(blocks):
            stride = 2 if block == 0 else 1
            x = _separable(x, normalise, channels, _BODY_KERNELS[stage], f"stage{stage}_{block}", stride)
        levels.append(x)
    merged: list[Any] = []
    for level in reversed(range(1, len(levels))):
        lateral = _conv(levels[level], normalise, _NECK, kernel=1, name=f"lateral{level}")
        if merged:
            finer = layers.UpSampling2D(2, name=f"up{level}")(merged[0])
            lateral = layers.Add(name=f"merge{level}")([lateral, finer])
        merged.insert(0, _separable(lateral, normalise, _NECK, _NECK_KERNELS[level - 1], f"neck{level}"))
    head = {"score": SCORE, "box": BOX, "landmarks": LANDMARKS}
    outputs: dict[str, list[Any]] = {name: [] for name in head}
    for level, received in enumerate(merged):
        x = _separable(received, normalise, _NECK, _HEAD_KERNELS[level], f"head{level}")
        for name, numbers in head.items():
            bias = -math.log((1 - _PRIOR) / _PRIOR) if name == "score" else 0.0
            y = layers.Conv2D(numbers, 1, bias_initializer=keras.initializers.Constant(bias), name=f"{name}{level}")(x)
            if bounded:  # the converter folds both into the convolution
                # Each output by as many layers: their number decides in which order Keras keeps weights.
                y = layers.Rescaling(SCALES[numbers], OFFSETS[numbers], name=f"{name}{level}_moved")(y)
                y = layers.ReLU(max_value=6.0, name=f"{name}{level}_bound")(y)
            outputs[name].append(layers.Reshape((-1, numbers), name=f"{name}{level}_cells")(y))
    return (model or keras.Model)(
        inputs, {name: layers.Concatenate(axis=1, name=name)(parts) for name, parts in outputs.items()}, name="pyramid"
    )


def _conv(x: Any, normalise: Any, channels: int, kernel: int, stride: int = 1, name: str = "") -> Any:
    from keras import layers

    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.ReLU(max_value=6.0, name=f"{name}_relu")(normalise(momentum=0.99, name=f"{name}_bn")(x))


def _separable(x: Any, normalise: Any, channels: int, kernel: int, name: str, stride: int = 1) -> Any:
    """Depthwise, then pointwise convolution; a shortcut where the shape stays.

    Nothing between the two, as in YuNet and Xception: half of the passes over the memory, which are what costs.
    """
    from keras import layers

    received = x
    x = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depth")(x)
    x = _conv(x, normalise, channels, kernel=1, name=name)
    if stride == 1 and received.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([received, x])
    return x
