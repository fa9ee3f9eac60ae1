"""Quantization-aware fine-tuning (Jacob et al. 2018): the network learns to live with int8 before it is converted.

The float model is its own teacher (Hinton et al. 2015), so no labels are needed: the calibration sample is enough.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.float_model import FloatModel, from_keras
from convert.keras_start import output_to
from edge.errors import ConfigError

_BATCH = 32
_LEARNING_RATE = 1e-4
_SEED = 7
_LEVELS = 127.0
# Their result is rounded only once, after what TFLite fuses into them.
_FUSED_WITH_NEXT = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense", "BatchNormalization", "ZeroPadding2D")


def finetune(model: FloatModel, tensors: NDArray[np.float32], epochs: int, log: Path) -> FloatModel:
    """Train `model` for `epochs` over float32 [N, *shape] with rounding of weights and activations put in.

    Weights are rounded per output channel, activations to the range that the sample gives them; gradients pass through
    (straight-through estimator, Bengio et al. 2013). Statistics of batch normalisation stay as they are. The same
    arguments give the same weights on one machine.

    Raises:
        ConfigError: the model is none of Keras.
    """
    if model.keras is None:
        raise ConfigError(f"{model.path}: --finetune needs a Keras model (.keras, .h5, .hdf5 or a run).")
    with output_to(log):
        import keras

        keras.utils.set_random_seed(_SEED)
        teacher = model.keras(tensors, training=False).numpy()
        student = _with_rounding(model.keras, tensors)
        _train(model.keras, student, tensors, teacher, epochs)
    return from_keras(model.keras, model.path, log)


def _with_rounding(original: Any, tensors: NDArray[np.float32]) -> Any:
    """The same layers, the output of each that TFLite rounds passed through a simulated int8."""
    import keras
    import tensorflow as tf

    names = [
        layer.name
        for layer in original.layers
        if type(layer).__name__ not in _FUSED_WITH_NEXT and not isinstance(layer, keras.layers.InputLayer)
    ]
    rounded = [name for name in names if not isinstance(original.get_layer(name).output, (list, tuple, dict))]
    watch = keras.Model(original.inputs, [original.get_layer(name).output for name in rounded])
    measured = watch(tensors, training=False)
    measured = measured if isinstance(measured, (list, tuple)) else [measured]
    ranges = {
        name: (min(0.0, float(values.numpy().min())), max(1e-3, float(values.numpy().max())))
        for name, values in zip(rounded, measured, strict=True)
    }

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        outputs = layer(*inputs, **options)
        if layer.name not in ranges:
            return outputs
        low, high = ranges[layer.name]
        return _rounding(keras, tf, low, high)(outputs)

    return keras.models.clone_model(original, clone_function=lambda layer: layer, call_function=call)


def _rounding(keras: Any, tf: Any, low: float, high: float) -> Any:
    class Rounding(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
        def call(self, inputs: Any) -> Any:
            return tf.quantization.fake_quant_with_min_max_args(inputs, low, high)

    return Rounding()


def _train(
    original: Any, student: Any, tensors: NDArray[np.float32], teacher: NDArray[np.float32], epochs: int
) -> None:
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.Adam(_LEARNING_RATE)
    weights = [
        value for value in original.trainable_variables if "gamma" not in value.path and "beta" not in value.path
    ]
    kernels = [value for value in weights if len(value.shape) > 1]
    target = tf.nn.softmax(teacher)
    rng = np.random.default_rng(_SEED)
    for _ in range(epochs):
        order = rng.permutation(len(tensors))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            exact = [tf.identity(kernel.value) for kernel in kernels]
            for kernel in kernels:
                kernel.assign(_rounded(tf, kernel))
            with tf.GradientTape() as tape:
                said = student(tensors[chosen], training=False)
                loss = tf.reduce_mean(
                    tf.nn.softmax_cross_entropy_with_logits(labels=tf.gather(target, chosen), logits=said)
                )
            gradients = tape.gradient(loss, [value.value for value in weights])
            # The step is taken from the exact weights: small steps add up until they change a rounded one.
            for kernel, value in zip(kernels, exact, strict=True):
                kernel.assign(value)
            pairs = [(g, w) for g, w in zip(gradients, weights, strict=True) if g is not None]
            optimizer.apply_gradients(pairs)


def _rounded(tf: Any, kernel: Any) -> Any:
    """Per output channel: the last axis, but two axes of a depthwise kernel."""
    axes = (0, 1) if "depthwise" in kernel.path else tuple(range(len(kernel.shape) - 1))
    scale = tf.maximum(tf.reduce_max(tf.abs(kernel.value), axis=axes, keepdims=True), 1e-8) / _LEVELS
    return tf.round(kernel.value / scale) * scale
