"""A Keras model at hand -> full int8 TFLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.float_model import from_keras, load_keras
from convert.schemes import convert

__all__ = ["convert_int8", "load_keras"]


def convert_int8(model: Any, representative: NDArray[np.float32], log: Path) -> bytes:
    """Quantize weights, activations, input and output to int8 (Jacob et al. 2018), for batches of 1.

    Args:
        model: a Keras model on TensorFlow, float32 [B, *shape] -> float32 [B, K]; a softmax at its end is taken off.
        representative: float32 [N, *shape]; the ranges of activations are measured on it.
        log: file that takes all that TensorFlow prints.

    Raises:
        ConfigError: an operation of the model has no int8 form.
    """
    return convert(from_keras(model, Path(str(model.name)), log), "int8", representative, log)
