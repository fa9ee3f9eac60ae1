"""Get a trainable network back from an int8 package whose float model is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.perceive.package import load_package

_BATCH = 64
_KERNELS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def package_weights(folder: Path) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Kernel and bias of each convolution and dense layer of the face package in `folder`, in Keras' order of axes.

    Raises:
        ModelError: the package is missing or damaged.
        ConfigError: a layer has no constant weights.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    package = load_package(folder, "face")
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # they would replace the operations
    interpreter = Interpreter(model_path=str(package.model_path), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    details = {item["index"]: item for item in interpreter.get_tensor_details()}
    found = []
    for operation in interpreter._get_ops_details():
        if operation["op_name"] not in _KERNELS:
            continue
        _, weights, *biases = (int(index) for index in operation["inputs"])
        try:
            kernel = _real(interpreter, details[weights])
        except (ValueError, KeyError) as error:
            raise ConfigError(f"{folder}: {operation['op_name']} has no constant weights: {error}.") from error
        # TFLite: [out, h, w, in], depthwise [1, h, w, channels], dense [out, in].
        axes = {"CONV_2D": (1, 2, 3, 0), "DEPTHWISE_CONV_2D": (1, 2, 3, 0), "FULLY_CONNECTED": (1, 0)}
        kernel = kernel.transpose(axes[operation["op_name"]])
        # A bias of zeros is left out by the converter.
        given = [_real(interpreter, details[index]) for index in biases if index >= 0]
        outputs = kernel.shape[2] if operation["op_name"] == "DEPTHWISE_CONV_2D" else kernel.shape[-1]
        found.append((kernel, given[0] if given else np.zeros(outputs, np.float32)))
    return found


def restore(network: Any, folder: Path, tensors: NDArray[np.float32]) -> None:
    """Give `network` the weights of the package, so that it answers the same and can be trained on.

    The package's convolutions hold their batch normalisation. It is taken out again: with each channel's mean m and
    variance v over `tensors`, scale sqrt(v) and offset bias + m undo the normalisation exactly.

    Args:
        network: the Keras model that the package was made of, with any weights.
        tensors: float32 [N, *shape] of some hundred training examples.

    Raises:
        ModelError, ConfigError: the package cannot be used, or is of another network.
    """
    import keras
    from keras import layers

    kinds = (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)
    own = [layer for layer in network.layers if isinstance(layer, kinds)]
    stored = package_weights(folder)
    if [layer.kernel.shape for layer in own] != [kernel.shape for kernel, _ in stored]:
        raise ConfigError(f"{folder}: expected the weights of {network.name}, but its layers have other shapes.")
    normalised = []
    for layer, (kernel, bias) in zip(own, stored, strict=True):
        if layer.use_bias:
            layer.set_weights([kernel, bias])
            continue
        layer.set_weights([kernel])
        (node,) = layer._outbound_nodes
        after = node.operation
        # Adds the bias and changes nothing else, until the statistics of its input are known.
        after.set_weights([np.ones_like(bias), bias, np.zeros_like(bias), np.full_like(bias, 1 - after.epsilon)])
        normalised.append((layer, after, bias))
    watched = keras.Model(network.input, [layer.output for layer, _, _ in normalised])
    moments = [np.zeros((2, len(bias))) for _, _, bias in normalised]
    for start in range(0, len(tensors), _BATCH):
        seen = watched(tensors[start : start + _BATCH], training=False)
        moments = [known + _moments(values) / len(tensors) for known, values in zip(moments, seen, strict=True)]
    for (_, after, bias), (mean, square) in zip(normalised, moments, strict=True):
        variance = np.maximum(square - mean**2, 0)
        after.set_weights([np.sqrt(variance + after.epsilon), bias + mean, mean, variance])


def _moments(seen: Any) -> NDArray[np.float64]:
    """float64 [2, C]: each channel's mean and mean square, summed over the examples of a batch."""
    values = np.asarray(seen, np.float64).reshape(-1, seen.shape[-1])
    return np.asarray(len(seen) * np.stack([values.mean(axis=0), (values**2).mean(axis=0)]))


def _real(interpreter: Any, detail: dict[str, Any]) -> NDArray[np.float32]:
    values = interpreter.get_tensor(detail["index"]).astype(np.float64)
    quantized = detail["quantization_parameters"]
    scales = np.asarray(quantized["scales"], np.float64)
    shape = [1] * values.ndim
    if len(scales) > 1:
        shape[quantized["quantized_dimension"]] = len(scales)
    return np.asarray(values * scales.reshape(shape if len(scales) > 1 else ()), np.float32)
