"""What a TFLite file computes: its operations, their number types and work; and how far one file is from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A signal that is reproduced exactly has no finite ratio; this stands for it.
EXACT_DB = 200.0
_AS_BAD_DB = 3.0


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation in order of execution.

    `output` is the name of its first output tensor; `types` are the number types of the values that flow through it, in
    then out, without weights; `macs` are multiply-adds; `dynamic`: the size of its output is known only when it runs.
    """

    index: int
    name: str
    output: str
    types: tuple[str, ...]
    macs: int
    output_shape: tuple[int, ...]
    dynamic: bool

    @property
    def computes_in_float(self) -> bool:
        return any(kind.startswith("float") for kind in self.types)


@dataclass(frozen=True, slots=True)
class LayerError:
    """How much of a layer's signal is left: signal-to-noise ratio in dB of the quantized against the float tensor.

    `index` is its place in the order of execution.
    """

    output: str
    operation: str
    sqnr_db: float
    index: int


def interpreter(tflite: bytes, keep: bool = False) -> Any:
    """An allocated interpreter without the delegate that takes over at start, whose own nodes would be counted too."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    made = Interpreter(
        model_content=tflite,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=keep,
    )
    made.allocate_tensors()
    return made


def operations(tflite: bytes) -> list[Operation]:
    """All operations of a TFLite file's main graph."""
    made = interpreter(tflite)
    tensors = {int(detail["index"]): detail for detail in made.get_tensor_details()}
    constant = _constants(tflite)
    found = []
    # LiteRT has no public list of operations; its own analyzer reads the same.
    for item in made._get_ops_details():
        inputs = [int(index) for index in item["inputs"] if int(index) in tensors]
        outputs = [int(index) for index in item["outputs"] if int(index) in tensors]
        flowing = [index for index in inputs if index not in constant] + outputs
        shapes = [tuple(map(int, tensors[index]["shape"])) for index in inputs]
        result = tuple(map(int, tensors[outputs[0]]["shape"])) if outputs else ()
        signature = tensors[outputs[0]]["shape_signature"] if outputs else ()
        found.append(
            Operation(
                index=int(item["index"]),
                name=str(item["op_name"]),
                output=str(tensors[outputs[0]]["name"]) if outputs else "",
                types=tuple(np.dtype(tensors[index]["dtype"]).name for index in flowing),
                macs=_macs(str(item["op_name"]), shapes, result),
                output_shape=result,
                dynamic=any(int(side) < 0 for side in signature),
            )
        )
    return found


def _constants(tflite: bytes) -> set[int]:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(tflite), 0)
    held = {number for number, buffer in enumerate(model.buffers) if buffer.data is not None or buffer.offset > 1}
    return {index for index, tensor in enumerate(model.subgraphs[0].tensors) if tensor.buffer in held}


def _macs(name: str, inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]) -> int:
    if name == "CONV_2D" and len(inputs) > 1:
        return prod(output) * prod(inputs[1][1:])
    if name == "DEPTHWISE_CONV_2D" and len(inputs) > 1:
        return prod(output) * prod(inputs[1][1:3])
    if name in ("FULLY_CONNECTED", "BATCH_MATMUL") and inputs:
        return prod(output) * inputs[0][-1]
    return 0


def layer_errors(reference: bytes, quantized: bytes, tensors: NDArray[np.float32]) -> list[LayerError]:
    """For each layer that both files have under one name, its error over float32 [N, *shape], the worst first.

    The ratio is 10 log10(sum x^2 / sum (x - q)^2) of the float tensor x and the dequantized tensor q.
    """
    exact, rough = interpreter(reference, keep=True), interpreter(quantized, keep=True)
    by_name = {_plain(detail["name"]): detail for detail in exact.get_tensor_details()}
    kinds = {operation.output: operation for operation in operations(quantized)}
    pairs = []
    for detail in rough.get_tensor_details():
        other = by_name.get(_plain(detail["name"]))
        if detail["name"] in kinds and other is not None and tuple(other["shape"]) == tuple(detail["shape"]):
            pairs.append((other, detail))
    signal, noise = np.zeros(len(pairs)), np.zeros(len(pairs))
    for tensor in tensors:
        for made in (exact, rough):
            _feed(made, tensor)
        for number, (one, two) in enumerate(pairs):
            x = real_values(exact.get_tensor(one["index"]), one)
            q = real_values(rough.get_tensor(two["index"]), two)
            signal[number] += float(np.square(x).sum())
            noise[number] += float(np.square(x - q).sum())
    found = []
    for (_, detail), power, lost in zip(pairs, signal, noise, strict=True):
        # A tensor of zeros has no signal to lose; one that is equal has no noise.
        ratio = EXACT_DB if lost == 0 else 10 * np.log10(power / lost) if power > 0 else 0.0
        operation = kinds[detail["name"]]
        ratio_db = round(min(float(ratio), EXACT_DB), 2)
        found.append(LayerError(operation.output, operation.name, ratio_db, operation.index))
    return sorted(found, key=lambda error: (error.sqnr_db, error.output))


def keep_in_float(errors: Sequence[LayerError]) -> list[str]:
    """Names of layers in the order in which keeping them in float promises most, from `layer_errors`.

    First the one at which the signal is lost: the earliest that is nearly as bad as the worst, since all that follow
    inherit its noise. Then the one before it, whose rounded output it reads. Then the others, the worst first.
    """
    if not errors:
        return []
    lost = min((error for error in errors if error.sqnr_db <= errors[0].sqnr_db + _AS_BAD_DB), key=lambda e: e.index)
    before = max((error for error in errors if error.index < lost.index), key=lambda e: e.index, default=lost)
    return list(dict.fromkeys([lost.output, before.output, *(error.output for error in errors)]))


def _plain(name: str) -> str:
    """Both converters name a tensor after all that was fused into it, and number what they copy."""
    return name.split(";", maxsplit=1)[0].rstrip("0123456789")


def _feed(made: Any, tensor: NDArray[np.float32]) -> None:
    from edge.perceive.engine import to_tensor

    (detail,) = made.get_input_details()
    made.set_tensor(detail["index"], to_tensor(tensor, detail)[np.newaxis])
    made.invoke()


def real_values(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float64]:
    """The numbers that a tensor stands for, its axis of scales taken into account."""
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    parameters = detail["quantization_parameters"]
    scales, zeros = np.asarray(parameters["scales"]), np.asarray(parameters["zero_points"])
    if not len(scales):
        return values.astype(np.float64)
    shape = [1] * values.ndim
    if len(scales) > 1:
        shape[int(parameters["quantized_dimension"])] = -1
    return np.asarray((values.astype(np.float64) - zeros.reshape(shape)) * scales.reshape(shape), np.float64)
