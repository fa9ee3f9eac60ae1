"""Ranges shared between a depthwise convolution and the one behind it (cross-layer equalization, Nagel et al. 2019).

int8 has one scale for all channels of an activation: those of a small range keep few of its 256 steps. Where nothing
but a convolution follows a depthwise one, a channel can be made smaller before and its weights larger behind; the
network stays the same function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.graph import Graph, Step, functional

_BATCH = 32
_LEAST = 1e-6  # of a range: channels that nothing comes from or goes to stay as they are


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A depthwise convolution and what reads it: both kernels, and the first one's bias if it has one."""

    step: Step
    depthwise: Any
    bias: Any
    reader: Any


def equalize(model: Any, tensors: NDArray[np.float32]) -> int:
    """Change the weights of the Keras `model` in place; how many pairs of convolutions it has.

    Each channel is divided by the root of its largest magnitude over the float32 [N, *shape] `tensors` to that of its
    weights behind, after which the two are the same: what one of them was too large, both are a little.
    """
    model = functional(model)
    pairs = list(_pairs(model))
    for pair, largest in zip(pairs, _largest(model, pairs, tensors), strict=True):
        kernel = pair.reader.numpy()
        behind = np.abs(kernel).max(axis=(0, 1, 3))
        able = (largest > _LEAST) & (behind > _LEAST)
        scale = np.where(able, np.sqrt(np.where(able, largest, 1) / np.where(able, behind, 1)), 1)
        depthwise = pair.depthwise.numpy()
        pair.depthwise.assign(depthwise / scale.reshape(depthwise.shape[2:]))
        if pair.bias is not None:
            pair.bias.assign(pair.bias.numpy() / scale)
        pair.reader.assign(kernel * scale[:, np.newaxis])
    return len(pairs)


def _pairs(model: Any) -> Iterator[_Pair]:
    import keras
    from keras import layers

    graph = Graph(model)
    for step in graph.steps:
        layer = step.operation
        if graph.calls(layer) > 1:
            continue  # one weight for several ranges
        if isinstance(layer, layers.SeparableConv2D):
            yield _Pair(step, layer.depthwise_kernel, None, layer.pointwise_kernel)
        elif isinstance(layer, layers.DepthwiseConv2D) and layer.activation is keras.activations.linear:
            reader = graph.only_reader(step)
            behind: Any = reader.operation if reader else None
            if type(behind) is layers.Conv2D and behind.groups == 1 and graph.calls(behind) == 1:
                yield _Pair(step, layer.kernel, layer.bias, behind.kernel)


def _largest(model: Any, pairs: list[_Pair], tensors: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The largest magnitude of each channel between the two of a pair, float32 [C] each."""
    if not pairs:
        return []
    import keras

    watch = keras.Model(model.inputs[0], [pair.step.inputs[0] for pair in pairs])
    most = [np.zeros(pair.reader.shape[2], np.float32) for pair in pairs]
    for start in range(0, len(tensors), _BATCH):
        received = keras.tree.flatten(watch(tensors[start : start + _BATCH], training=False))
        for largest, pair, inputs in zip(most, pairs, received, strict=True):
            layer = pair.step.operation
            outputs = keras.ops.depthwise_conv(
                inputs, pair.depthwise, layer.strides, layer.padding, dilation_rate=layer.dilation_rate
            )
            if pair.bias is not None:
                outputs = outputs + pair.bias
            np.maximum(largest, np.abs(outputs.numpy()).max(axis=(0, 1, 2)), out=largest)
    return most
