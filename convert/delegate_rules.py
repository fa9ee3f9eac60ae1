"""What accelerators are published to run: for those that are not at hand to be asked."""

from __future__ import annotations

from convert.operations import Operation

# LiteRT's table "Supported ops" of the GPU accelerator (ai.google.dev/edge/litert, July 2025), and what its
# implementation takes besides.
_GPU = frozenset(
    [
        "ABS",
        "ADD",
        "AVERAGE_POOL_2D",
        "BATCH_MATMUL",
        "CONCATENATION",
        "CONV_2D",
        "COS",
        "DEPTHWISE_CONV_2D",
        "DEQUANTIZE",
        "DIV",
        "ELU",
        "EXP",
        "FULLY_CONNECTED",
        "GATHER",
        "GELU",
        "HARD_SWISH",
        "LEAKY_RELU",
        "LOG",
        "LOGISTIC",
        "LSTM",
        "MAX_POOL_2D",
        "MAXIMUM",
        "MEAN",
        "MINIMUM",
        "MIRROR_PAD",
        "MUL",
        "NEG",
        "PACK",
        "PAD",
        "POW",
        "PRELU",
        "QUANTIZE",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RELU",
        "RELU6",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "RSQRT",
        "SIN",
        "SLICE",
        "SOFTMAX",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SQRT",
        "SQUARE",
        "SQUARED_DIFFERENCE",
        "STRIDED_SLICE",
        "SUB",
        "SUM",
        "TANH",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
    ]
)
# coral.ai/docs/edgetpu/models-intro, table 1.
_EDGE_TPU = frozenset(
    [
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "EXPAND_DIMS",
        "FULLY_CONNECTED",
        "L2_NORMALIZATION",
        "LOGISTIC",
        "LSTM",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MEAN",
        "MINIMUM",
        "MUL",
        "PACK",
        "PAD",
        "PRELU",
        "QUANTIZE",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "RSQRT",
        "SLICE",
        "SOFTMAX",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SQUEEZE",
        "STRIDED_SLICE",
        "SUB",
        "SUM",
        "SQUARED_DIFFERENCE",
        "TANH",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
    ]
)


def gpu_refuses(operation: Operation) -> str:
    """Why it stays off the GPU; empty if it does not."""
    if operation.name not in _GPU:
        return "no GPU kernel"
    if operation.dynamic:
        return "the size of its output is known only when it runs"
    if "int16" in operation.types:
        return "int16 activations have no GPU form: use the float16 variant"
    return ""


def npu_refuses(operation: Operation) -> str:
    """Why no NPU takes it, by what all vendors' compilers have in common; empty if they may."""
    if operation.dynamic:
        return "the size of its output is known only when it runs"
    if operation.name.startswith("CUSTOM") or operation.name.startswith("Flex"):
        return "no operation of TFLite's own"
    if "float32" in operation.types and operation.name not in ("QUANTIZE", "DEQUANTIZE"):
        return "float32: NPUs compute in int8, int16 or float16"
    return ""


def edge_tpu_refuses(operation: Operation) -> str:
    """Why it stays off the Edge TPU, for itself alone; empty if it does not."""
    if operation.computes_in_float or set(operation.types) & {"int16", "int64"}:
        return f"needs int8 or uint8, has {', '.join(sorted(set(operation.types)))}: use --scheme int8"
    if operation.name not in _EDGE_TPU:
        return "not among the Edge TPU's operations"
    if operation.dynamic:
        return "the size of its output is known only when it runs"
    if len(operation.output_shape) > 3 and any(side != 1 for side in operation.output_shape[:-3]):
        return "only the three innermost dimensions may be larger than 1"
    return ""
