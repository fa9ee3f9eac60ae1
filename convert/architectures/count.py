"""Count a network's work: it does not change from machine to machine, as milliseconds do."""

from __future__ import annotations

from math import prod
from typing import Any


def multiply_adds(model: Any) -> int:
    """Multiply-adds of one forward pass of a Keras model on TensorFlow: convolutions and products of matrices.

    Counted in the graph that TensorFlow traces for a batch of 1, so that nested models and attention count too.
    """
    import tensorflow as tf

    signature = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)
    traced = tf.function(lambda tensor: model(tensor, training=False)).get_concrete_function(signature)
    graphs = [
        traced.graph,
        *(function.graph for function in traced.graph._functions.values() if hasattr(function, "graph")),
    ]
    return sum(_work(operation) for graph in graphs for operation in graph.get_operations())


def _work(operation: Any) -> int:
    if operation.type not in ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2", "Einsum"):
        return 0
    first, second = (list(tensor.shape) for tensor in operation.inputs[:2])
    outputs = prod(operation.outputs[0].shape)
    if operation.type == "Conv2D":
        return int(outputs * prod(second[:3]))
    if operation.type == "DepthwiseConv2dNative":
        return int(outputs * prod(second[:2]))
    if operation.type == "MatMul":
        return int(outputs * (first[0] if operation.get_attr("transpose_a") else first[1]))
    if operation.type == "BatchMatMulV2":
        return int(outputs * (first[-2] if operation.get_attr("adj_x") else first[-1]))
    terms, result = operation.get_attr("equation").decode().split("->")
    sizes = {
        letter: size
        for term, shape in zip(terms.split(","), (first, second), strict=True)
        for letter, size in zip(term, shape, strict=True)
    }
    return int(outputs * prod(size for letter, size in sizes.items() if letter not in result))
