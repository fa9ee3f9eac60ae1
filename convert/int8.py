"""Keras model -> full int8 TFLite, with TensorFlow's pages of log in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.keras_start import output_to, start_keras
from edge.errors import ConfigError


def load_keras(path: Path, log: Path) -> Any:
    """The model in `path`, not compiled, on TensorFlow.

    Raises:
        ConfigError: it is missing or no Keras 3 model.
    """
    keras = start_keras(log, tensorflow=True)
    try:
        with output_to(log):
            return keras.models.load_model(path, compile=False)
    except (ValueError, OSError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{path}: expected a Keras 3 model file: {reason}") from error


def convert_int8(model: Any, representative: NDArray[np.float32], log: Path) -> bytes:
    """Quantize weights, activations, input and output to int8 (Jacob et al. 2018), for batches of 1.

    Args:
        model: a Keras model on TensorFlow, float32 [B, *shape] -> float32 [B, K].
        representative: float32 [N, *shape]; the ranges of activations are measured on it.
        log: file that takes all that TensorFlow prints.

    Raises:
        ConfigError: an operation of the model has no int8 form.
    """
    with output_to(log):
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec((1, *representative.shape[1:]), tf.float32)])  # type: ignore[untyped-decorator]
        def call(tensor: Any) -> Any:
            return model(tensor, training=False)

        converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([tensor[np.newaxis]] for tensor in representative)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        try:
            return bytes(converter.convert())
        except Exception as error:  # the converter raises its own, undocumented types
            reason = str(error).strip().splitlines()[0]
            raise ConfigError(f"the model cannot become full int8: {reason}. See {log}.") from error
