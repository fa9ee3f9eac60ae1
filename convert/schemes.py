"""Float model -> TFLite in another number format, with the libraries' pages of log in a file.

TensorFlow's converter quantizes what is known as a TensorFlow function. ai-edge-quantizer works on the TFLite file
itself: for models that come as such, and for ``mixed``, which it alone can do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.float_model import FloatModel
from convert.keras_start import output_to
from edge.errors import ConfigError

#: What `quantize --scheme` takes, and what it means.
SCHEMES = {
    "int8": "weights, activations, input and output int8: for CPUs and what takes nothing else (Edge TPU)",
    "int8-float-io": "the same with float input and output",
    "int16x8": "int8 weights, int16 activations: more exact, slower, few accelerators take it",
    "dynamic": "int8 weights, float activations that CPUs quantize on the fly",
    "float16": "float16 weights: for GPUs",
    "mixed": "int8, but the layers that lose most stay in float",
}
_SIGNATURE, _INPUT = "serving_default", "input"
_MEASURED_FIRST = ("int8", "int8-float-io", "int16x8", "mixed")
# What recurrent layers of Keras 3 become. TensorFlow's calibration of one ends the process (SIGSEGV).
_LOOPS = ("WHILE", "IF")


class UnquantizableError(ConfigError):
    """An operation has no form in the scheme; `operations` names them as far as the converter does."""

    def __init__(self, message: str, operations: Sequence[str]) -> None:
        super().__init__(message)
        self.operations = tuple(operations)

    @property
    def advice(self) -> str:
        """What to try."""
        named = ", ".join(self.operations) or "see the converter's log"
        mixed = "" if set(self.operations) & set(_LOOPS) else "keep it in float with --scheme mixed, "
        return f"Replace it in the model ({named}), {mixed}or use --scheme dynamic or float16."


def convert(
    model: FloatModel, scheme: str, representative: NDArray[np.float32], log: Path, in_float: Sequence[str] = ()
) -> bytes:
    """`model` in `scheme`, for batches of 1.

    Args:
        representative: float32 [N, *shape]; the ranges of activations are measured on it.
        log: file that takes all that the converters print.
        in_float: for ``mixed``: names of the tensors whose layers stay in float.

    Raises:
        UnquantizableError: an operation of the model has no form in this scheme.
    """
    if scheme in _MEASURED_FIRST:
        _refuse_loops(model, scheme)
    if model.function is None or scheme == "mixed":
        tflite = _by_quantizer(model, scheme, representative, log, in_float)
    else:
        tflite = _by_tensorflow(model, scheme, representative, log)
    if scheme in ("int8", "int8-float-io"):
        _refuse_float_operations(tflite, scheme, log)
    return tflite


def run_converter(converter: Any, scheme: str, path: Path, log: Path) -> bytes:
    """What TensorFlow's `converter` makes.

    Raises:
        UnquantizableError: it cannot.
    """
    try:
        with output_to(log):
            return bytes(converter.convert())
    except Exception as error:  # the converter raises its own, undocumented types
        text = str(error)
        found = re.findall(r"'(?:tf|tfl)\.(\w+)' op", text) + re.findall(r"not yet supported for op: '(\w+)'", text)
        operations = sorted(set(found))
        reason = f"it has no form for {', '.join(operations)}" if operations else text.strip().splitlines()[0]
        raise UnquantizableError(f"{path}: cannot become {scheme}: {reason}. See {log}.", operations) from error


def _by_tensorflow(model: FloatModel, scheme: str, representative: NDArray[np.float32], log: Path) -> bytes:
    with output_to(log):
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_concrete_functions([model.function])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if scheme == "float16":
            converter.target_spec.supported_types = [tf.float16]
        elif scheme != "dynamic":
            converter.representative_dataset = lambda: ([tensor[np.newaxis]] for tensor in representative)
            sets = tf.lite.OpsSet
            wide = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            converter.target_spec.supported_ops = [wide if scheme == "int16x8" else sets.TFLITE_BUILTINS_INT8]
        if scheme == "int8":
            converter.inference_input_type = converter.inference_output_type = tf.int8
    return run_converter(converter, scheme, model.path, log)


def _by_quantizer(
    model: FloatModel, scheme: str, representative: NDArray[np.float32], log: Path, in_float: Sequence[str]
) -> bytes:
    try:
        with output_to(log):
            from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe
    except ImportError as error:
        raise ConfigError(
            f"this scheme and source need ai-edge-quantizer ({error}): pip install 'emotion-edge[convert]'"
        ) from error
    algorithms = algorithm_manager.AlgorithmName
    everything = qtyping.TFLOperationName.ALL_SUPPORTED
    try:
        with output_to(log):
            if scheme == "float16":
                work = quantizer.Quantizer(bytearray(with_signature(model.tflite)))
                half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
                config = qtyping.OpQuantizationConfig(
                    weight_tensor_config=half,
                    compute_precision=qtyping.ComputePrecision.FLOAT,
                    explicit_dequantize=True,
                )
                work.update_quantization_recipe(".*", everything, config, algorithms.FLOAT_CASTING)
            else:
                made = {"int16x8": recipe.static_wi8_ai16, "dynamic": recipe.dynamic_wi8_afp32}
                work = quantizer.Quantizer(
                    bytearray(with_signature(model.tflite)), made.get(scheme, recipe.static_wi8_ai8)()
                )
                float_ends = (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT)
                for end in float_ends if scheme in ("int8-float-io", "mixed", "int16x8") else ():
                    work.update_quantization_recipe(".*", end, algorithm_key=algorithms.NO_QUANTIZE)
                for name in in_float:
                    work.update_quantization_recipe(
                        f".*{re.escape(name)}.*", everything, algorithm_key=algorithms.NO_QUANTIZE
                    )
            calibration = None
            if work.need_calibration:
                data = [{_INPUT: tensor[np.newaxis]} for tensor in representative]
                calibration = work.calibrate({_SIGNATURE: data}, num_threads=1)
            return bytes(work.quantize(calibration, enable_progress_report=False).quantized_model)
    except Exception as error:  # it documents none of its errors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnquantizableError(f"{model.path}: cannot become {scheme}: {reason}. See {log}.", ()) from error


def _refuse_loops(model: FloatModel, scheme: str) -> None:
    from convert.operations import operations

    if found := sorted({operation.name for operation in operations(model.tflite)} & set(_LOOPS)):
        raise UnquantizableError(
            f"{model.path}: cannot become {scheme}: no form for {', '.join(found)}, the loop of a recurrent layer.",
            found,
        )


def _refuse_float_operations(tflite: bytes, scheme: str, log: Path) -> None:
    """ai-edge-quantizer leaves in float what it has no int8 form for, and does not say so."""
    from convert.operations import operations

    ends = {"QUANTIZE", "DEQUANTIZE"}
    found = sorted({op.name for op in operations(tflite) if op.computes_in_float and op.name not in ends})
    if found:
        raise UnquantizableError(
            f"the model cannot become {scheme}: no int8 form for {', '.join(found)}. See {log}.", found
        )


def with_signature(tflite: bytes) -> bytes:
    """The same file with the one signature ``serving_default``, which ai-edge-quantizer finds tensors by."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(tflite), 0)
    graph = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = _SIGNATURE, 0

    def entry(name: str, index: int) -> Any:
        mapped = schema.TensorMapT()
        mapped.name, mapped.tensorIndex = name, int(index)
        return mapped

    signature.inputs = [entry(_INPUT, graph.inputs[0])]
    signature.outputs = [entry(f"output_{number}", index) for number, index in enumerate(graph.outputs)]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(len(tflite))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
