"""Run a verified model package: float tensor in, calibrated probabilities over EMOTIONS out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.perceive.package import ModelPackage


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as newer:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError as older:
            raise ModelError(
                "no TFLite runtime: expected ai-edge-litert (or its predecessor tflite-runtime), and neither can be "
                f"loaded ({newer}; {older}). Install it with 'pip install ai-edge-litert'."
            ) from newer
    return Interpreter


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """Softmax over the last axis of float [..., K], after division by `temperature`."""
    scaled = np.asarray(logits, np.float64) / temperature
    with np.errstate(invalid="ignore"):  # infinity less infinity: NaN in, NaN out, for the caller to see
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


@contextmanager
def _native_stderr_to_nowhere() -> Iterator[None]:
    """The C++ runtime announces its delegates on stderr, and offers no other way to be silent.

    Errors are raised all the same. The whole process is silent meanwhile: for the milliseconds of a start only.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class Model:
    """One interpreter, kept for life. Not thread-safe: one worker owns it.

    Raises:
        ModelError: the file is no TFLite model, or its tensors are not what model.json says.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        self.package = package
        path = package.model_path
        try:
            make = _interpreter_class()
            with _native_stderr_to_nowhere():
                self._interpreter = make(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{path}: not a model that this TFLite runtime can run: {error}") from error
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        expected = ((1, *package.input.shape), (1, len(package.labels)))
        got = (tuple(map(int, inputs[0]["shape"])), tuple(map(int, outputs[0]["shape"])))
        if len(inputs) != 1 or len(outputs) != 1 or got != expected:
            raise ModelError(
                f"{path}: expected one input and one output of the shapes {expected} that model.json declares, "
                f"got {len(inputs)} and {len(outputs)} of the shapes {got}."
            )
        self._input, self._output = inputs[0], outputs[0]
        self._to_emotions = package.to_emotions()

    def outputs(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's own output, float32 [labels], for one input float32 of `package.input.shape`."""
        self._interpreter.set_tensor(self._input["index"], _quantize(tensor, self._input)[np.newaxis])
        self._interpreter.invoke()
        return _dequantize(self._interpreter.get_tensor(self._output["index"])[0], self._output)

    def probabilities(self, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities float32 [K] over EMOTIONS for one input float32 of `package.input.shape`."""
        return self.emotions(self.outputs(tensor))

    def emotions(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs float32 [..., labels] as calibrated probabilities float32 [..., K] over EMOTIONS."""
        if self.package.output == "probabilities":
            outputs = np.log(np.clip(outputs, 1e-6, 1.0))
        probabilities = softmax(outputs, self.package.temperature) @ self._to_emotions
        total = probabilities.sum(axis=-1, keepdims=True)
        # A float model can answer NaN, and one with contempt can leave nothing for the seven: then nothing is known.
        known = total > 1e-6  # False for NaN
        uniform = np.float32(1 / probabilities.shape[-1])
        return np.asarray(np.where(known, probabilities / np.where(known, total, 1), uniform), np.float32)


def _quantize(tensor: NDArray[np.float32], detail: dict[str, Any]) -> NDArray[Any]:
    """Real values -> the tensor's own type: q = round(r / scale) + zero_point (Jacob et al. 2018)."""
    dtype = np.dtype(detail["dtype"])
    if dtype.kind == "f":
        return tensor.astype(dtype, copy=False)
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(tensor / scale) + zero_point, limits.min, limits.max), dtype)


def _dequantize(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float32]:
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    scale, zero_point = detail["quantization"]
    return np.asarray((values.astype(np.float32) - zero_point) * np.float32(scale), np.float32)
