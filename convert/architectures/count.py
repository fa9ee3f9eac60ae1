"""Count a network's work: it does not change from machine to machine, as milliseconds do."""

from __future__ import annotations

from typing import Any

import numpy as np


def multiply_adds(model: Any) -> int:
    """Multiply-adds of one forward pass of a Keras model: those of convolutions and dense layers."""
    from keras import layers

    total = 0
    for layer in model.layers:
        outputs = int(np.prod(layer.output.shape[1:]))
        if isinstance(layer, layers.DepthwiseConv2D):
            total += outputs * int(np.prod(layer.kernel.shape[:2]))
        elif isinstance(layer, layers.Conv2D):
            total += outputs * int(np.prod(layer.kernel.shape[:3]))
        elif isinstance(layer, layers.Dense):
            total += int(np.prod(layer.kernel.shape)) * outputs // int(layer.kernel.shape[-1])
    return total
