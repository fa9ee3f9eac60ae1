"""Quantization-aware fine-tuning (Jacob et al. 2018): the network learns to live with int8 before it is converted.

The float model is its own teacher (Hinton et al. 2015), so no labels are needed: the calibration sample is enough. A
classifier shall answer alike; a detector shall score its cells alike, and place faces alike where it is sure of one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.float_model import FloatModel, again
from convert.graph import Graph, Step, functional
from convert.keras_start import output_to
from edge.errors import ConfigError
from edge.perceive.cells import BOX, LANDMARKS, OFFSETS, SCORE

_BATCH = 32
_LEARNING_RATE = 1e-4
_SEED = 7
_LEVELS = 127.0
_WEIGHTED = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense")
_OPERATORS = ("Add", "Subtract", "Multiply")


def finetune(model: FloatModel, tensors: NDArray[np.float32], epochs: int, log: Path) -> FloatModel:
    """Train `model` for `epochs` over float32 [N, *shape] with rounding of weights and activations put in.

    `model` is a classifier, or a detector (without classes). Weights are rounded per output channel, activations to the
    range that the sample gives them; gradients pass through (straight-through estimator, Bengio et al. 2013).
    Statistics of batch normalisation stay as they are. The same arguments give the same weights on one machine.

    Raises:
        ConfigError: the model is none of Keras.
    """
    if model.keras is None:
        raise ConfigError(f"{model.path}: --finetune needs a Keras model (.keras, .h5, .hdf5 or a run).")
    with output_to(log):
        import keras

        keras.utils.set_random_seed(_SEED)
        original = functional(model.keras)
        teacher = _answers(original, tensors)
        student = _with_rounding(original, tensors)
        _train(original, student, tensors, teacher, epochs)
    return again(model, log)


def _answers(model: Any, tensors: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Each output of `model` for all of `tensors`."""
    import keras

    parts = [
        [output.numpy() for output in keras.tree.flatten(model(tensors[start : start + _BATCH], training=False))]
        for start in range(0, len(tensors), _BATCH)
    ]
    return [np.concatenate(output) for output in zip(*parts, strict=True)]


def _with_rounding(original: Any, tensors: NDArray[np.float32]) -> Any:
    """The same layers, the output of each that TFLite rounds passed through a simulated int8."""
    import keras
    import tensorflow as tf

    found = rounded(original)
    watch = keras.Model(original.inputs[0], [step.outputs[0] for step in found])
    ranges = {step.operation.name: (0.0, 1e-3) for step in found}
    for start in range(0, len(tensors), _BATCH):
        measured = keras.tree.flatten(watch(tensors[start : start + _BATCH], training=False))
        for step, values in zip(found, measured, strict=True):
            low, high = ranges[step.operation.name]
            ranges[step.operation.name] = (
                min(low, float(values.numpy().min())),
                max(high, float(values.numpy().max())),
            )

    def call(operation: Any, *inputs: Any, **options: Any) -> Any:
        outputs = operation(*inputs, **options)
        if operation.name not in ranges:
            return outputs
        low, high = ranges[operation.name]
        return _rounding(keras, tf, low, high)(outputs)

    return keras.models.clone_model(original, clone_function=lambda layer: layer, call_function=call)


def rounded(model: Any) -> list[Step]:
    """The steps of a functional Keras model whose results TFLite rounds: all but those that it fuses with the next.

    What a SeparableConv2D has between its two halves is rounded too, but not to be seen from here.
    """
    graph = Graph(model)
    return [
        step
        for step in graph.steps
        if len(step.outputs) == 1 and not (_linear(step) and _joins(graph.only_reader(step)))
    ]


def _linear(step: Step) -> bool:
    """What stands behind it can be taken into its weights."""
    return _constant(step) or (step.kind in _WEIGHTED and step.operation.activation.__name__ == "linear")


def _joins(step: Step | None) -> bool:
    """It becomes a part of the convolution before it."""
    if step is None:
        return False
    if step.kind == "ReLU":
        layer = step.operation
        return layer.negative_slope == 0 and layer.threshold == 0 and layer.max_value in (None, 6)
    if step.kind == "Activation":
        return step.operation.activation.__name__ in ("relu", "relu6")
    return _constant(step)


def _constant(step: Step) -> bool:
    """A sum or a product with numbers that do not depend on the input."""
    return step.kind in ("BatchNormalization", "Rescaling") or (step.kind in _OPERATORS and len(step.inputs) == 1)


def _rounding(keras: Any, tf: Any, low: float, high: float) -> Any:
    class Rounding(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
        def call(self, inputs: Any) -> Any:
            return tf.quantization.fake_quant_with_min_max_args(inputs, low, high)

    return Rounding()


def _train(
    original: Any, student: Any, tensors: NDArray[np.float32], teacher: list[NDArray[np.float32]], epochs: int
) -> None:
    import keras
    import tensorflow as tf

    optimizer = keras.optimizers.Adam(_LEARNING_RATE)
    weights = [
        value for value in original.trainable_variables if "gamma" not in value.path and "beta" not in value.path
    ]
    kernels = [value for value in weights if len(value.shape) > 1]
    depthwise = {layer.kernel.path for layer in original.layers if isinstance(layer, keras.layers.DepthwiseConv2D)}
    rng = np.random.default_rng(_SEED)
    for _ in range(epochs):
        order = rng.permutation(len(tensors))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            exact = [tf.identity(kernel.value) for kernel in kernels]
            for kernel in kernels:
                kernel.assign(_rounded(tf, kernel, kernel.path in depthwise))
            with tf.GradientTape() as tape:
                said = keras.tree.flatten(student(tensors[chosen], training=False))
                loss = (_classifier_loss if len(said) == 1 else _detector_loss)(tf, said, [t[chosen] for t in teacher])
            gradients = tape.gradient(loss, [value.value for value in weights])
            # The step is taken from the exact weights: small steps add up until they change a rounded one.
            for kernel, value in zip(kernels, exact, strict=True):
                kernel.assign(value)
            pairs = [(g, w) for g, w in zip(gradients, weights, strict=True) if g is not None]
            optimizer.apply_gradients(pairs)


def _classifier_loss(tf: Any, said: list[Any], taught: list[NDArray[np.float32]]) -> Any:
    """Cross-entropy of the answers float32 [B, K] with the teacher's."""
    target = tf.nn.softmax(taught[0])
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=said[0]))


def _detector_loss(tf: Any, said: list[Any], taught: list[NDArray[np.float32]]) -> Any:
    """For outputs float32 [B, A, 1], [B, A, 4] and [B, A, 10] as a package has them, in any order: cross-entropy of the
    scores, and how far boxes and landmarks lie apart in strides, weighted by the teacher's score."""
    by_numbers = {output.shape[-1]: (output, wanted) for output, wanted in zip(said, taught, strict=True)}
    score, wanted = by_numbers[SCORE]
    sure = tf.sigmoid(wanted - OFFSETS[SCORE])
    faces = tf.reduce_sum(sure) + 1.0
    loss = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=sure, logits=score - OFFSETS[SCORE]))
    for numbers in (BOX, LANDMARKS):
        placed, exact = by_numbers[numbers]
        loss += tf.reduce_sum(sure * tf.reduce_mean(tf.abs(placed - exact), axis=-1, keepdims=True))
    return loss / faces


def _rounded(tf: Any, kernel: Any, depthwise: bool) -> Any:
    """Per output channel: the last axis, but two axes of a depthwise kernel."""
    axes = (0, 1) if depthwise or "depthwise_kernel" in kernel.path else tuple(range(len(kernel.shape) - 1))
    scale = tf.maximum(tf.reduce_max(tf.abs(kernel.value), axis=axes, keepdims=True), 1e-8) / _LEVELS
    return tf.round(kernel.value / scale) * scale
