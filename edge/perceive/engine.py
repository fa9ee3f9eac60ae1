"""One loaded .tflite file on one accelerator: float tensors in, float tensors out.

Imports nothing of ours but errors: the probe of an accelerator starts in a process of its own and must do so quickly.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError

#: Where a model can run: TFLite's kernels and XNNPACK; LiteRT's GPU accelerator (WebGPU, on Linux over Vulkan); a
#: vendor's LiteRT dispatch library; a TFLite delegate in a shared library (Edge TPU, Arm NN, VX ...).
Accelerator = Literal["cpu", "gpu", "npu", "external"]
_Run = Callable[[NDArray[Any]], list[NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a file runs.

    `delegate` is the shared library for ``external``, the folder of the dispatch library for ``npu`` (empty: the one
    that LiteRT brings); `options` are the delegate's own.
    """

    accelerator: Accelerator = "cpu"
    threads: int = 1
    delegate: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def native_output_to_nowhere() -> Iterator[None]:
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


class Engine:
    """Runs one file, for life. Not thread-safe: one worker owns it.

    Attributes:
        input_shape, output_shapes: as the file has them, the batch axis first.
        input_dtype: the file's own number type.
        placement: where it runs.
        whole: False where some operations stay on the CPU; only the GPU tells.
        run_quantized: all outputs without their batch axis, for one input; both in the file's own number types.

    Raises:
        ModelError: the file is no TFLite model, or the accelerator does not take it.
    """

    def __init__(self, path: Path, placement: Placement | None = None) -> None:
        self.placement = placement = placement or Placement()
        self.whole = True
        try:
            with native_output_to_nowhere():
                if placement.accelerator in ("gpu", "npu"):
                    self.run_quantized = self._compiled(path, placement)
                else:
                    self.run_quantized = self._interpreted(path, placement)
        except (ValueError, RuntimeError, OSError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            if placement.accelerator == "cpu":
                raise ModelError(f"{path}: not a model that this TFLite runtime can run: {reason}") from error
            raise ModelError(f"{path}: not taken by the accelerator {placement.accelerator!r}: {reason}") from error

    def run(self, tensor: NDArray[Any]) -> list[NDArray[np.float32]]:
        """All outputs without their batch axis, float32, for one input, float32 or `quantized`, without its own."""
        return [self.real_output(n, values) for n, values in enumerate(self.run_quantized(self.quantized(tensor)))]

    def quantized(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Real values of any shape as the input's own type."""
        return to_tensor(values, self._input)

    def real(self, tensor: NDArray[Any]) -> NDArray[np.float32]:
        """Values of the input's own type as real ones: what `quantized` left of them."""
        return from_tensor(tensor, self._input)

    def real_output(self, number: int, values: NDArray[Any]) -> NDArray[np.float32]:
        """Real values of some or all that `run_quantized` gave for the output `number`."""
        return from_tensor(values, self._outputs[number])

    def output_scale(self, number: int) -> tuple[float, float]:
        """What the values of the output `number` are multiplied by, and what is then added, for real ones."""
        detail = self._outputs[number]
        if np.dtype(detail["dtype"]).kind == "f":
            return 1.0, 0.0
        scale, zero_point = detail["quantization"]
        return float(scale), -float(zero_point) * float(scale)

    def quantized_output(self, number: int, values: NDArray[np.float32]) -> NDArray[Any]:
        """Real values as the output `number` has them."""
        return to_tensor(values, self._outputs[number])

    def _describe(self, interpreter: Any) -> None:
        inputs, self._outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1:
            raise ValueError(f"expected one input, got {len(inputs)}")
        self._input = inputs[0]
        self.input_dtype = np.dtype(self._input["dtype"])
        self.input_shape = tuple(map(int, self._input["shape"]))
        self.output_shapes = [tuple(map(int, output["shape"])) for output in self._outputs]

    def _interpreted(self, path: Path, placement: Placement) -> _Run:
        interpreter_class, load_delegate = _interpreter()
        delegates = []
        if placement.accelerator == "external":
            try:
                delegates.append(load_delegate(placement.delegate, dict(placement.options)))
            except (OSError, ValueError, AttributeError) as error:  # AttributeError: not a delegate's library
                raise ValueError(f"the delegate {placement.delegate} cannot be loaded: {error}") from error
        interpreter = interpreter_class(
            model_path=str(path), num_threads=placement.threads, experimental_delegates=delegates or None
        )
        interpreter.allocate_tensors()
        self._describe(interpreter)
        target, sources = self._input["index"], [output["index"] for output in self._outputs]

        def run(tensor: NDArray[Any]) -> list[NDArray[Any]]:
            interpreter.set_tensor(target, tensor[np.newaxis])
            interpreter.invoke()
            return [interpreter.get_tensor(source)[0] for source in sources]

        return run

    def _compiled(self, path: Path, placement: Placement) -> _Run:
        try:
            from ai_edge_litert.compiled_model import CompiledModel, HardwareAccelerator
            from ai_edge_litert.environment import Environment
        except ImportError as error:
            raise ValueError(
                f"this needs ai-edge-litert 2 or newer ({error}): pip install 'ai-edge-litert>=2.0'"
            ) from error
        self._describe(_interpreter()[0](model_path=str(path)))  # tells scales and zero points, which the other hides
        runtime = str(Path(sys.modules["ai_edge_litert"].__file__ or "").parent)
        if placement.accelerator == "npu":
            environment = Environment.create(runtime_path=runtime, dispatch_library_path=_dispatch(placement, runtime))
            # With the CPU as its second choice LiteRT would run the whole model there and not say so.
            model = CompiledModel.from_file(str(path), HardwareAccelerator.NPU, environment)
        else:
            environment = Environment.create(runtime_path=runtime)
            try:
                model = CompiledModel.from_file(str(path), HardwareAccelerator.GPU, environment)
            except RuntimeError:  # operations that it lacks may stay on the CPU; without a GPU this raises too
                both = HardwareAccelerator.GPU | HardwareAccelerator.CPU
                model = CompiledModel.from_file(str(path), both, environment)
                self.whole = False
        inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
        layouts = [
            (int(np.prod(shape)), shape[1:], np.dtype(detail["dtype"]))
            for shape, detail in zip(self.output_shapes, self._outputs, strict=True)
        ]

        def run(tensor: NDArray[Any]) -> list[NDArray[Any]]:
            inputs[0].write(tensor)
            model.run_by_index(0, inputs, outputs)
            return [
                buffer.read(count, dtype).reshape(shape)
                for buffer, (count, shape, dtype) in zip(outputs, layouts, strict=True)
            ]

        return run


def _dispatch(placement: Placement, runtime: str) -> str:
    """The folder with a vendor's LiteRT dispatch library."""
    vendors = Path(runtime, "vendors")
    folders = [Path(placement.delegate)] if placement.delegate else sorted(vendors.glob("*/dispatch"))
    for folder in folders:
        if any(folder.glob("libLiteRtDispatch*.so")):
            return str(folder)
    raise ValueError(
        f"no libLiteRtDispatch*.so in {placement.delegate or 'the vendors of ai-edge-litert'}: install the vendor's "
        "LiteRT dispatch library and name its folder in [inference] delegate"
    )


def _interpreter() -> tuple[Any, Any]:
    try:
        from ai_edge_litert.interpreter import Interpreter, load_delegate
    except ImportError as newer:
        try:
            from tflite_runtime.interpreter import Interpreter, load_delegate
        except ImportError as older:
            raise ModelError(
                "no TFLite runtime: expected ai-edge-litert (or its predecessor tflite-runtime), and neither can be "
                f"loaded ({newer}; {older}). Install it with 'pip install ai-edge-litert'."
            ) from newer
    return Interpreter, load_delegate


def to_tensor(tensor: NDArray[Any], detail: Mapping[str, Any]) -> NDArray[Any]:
    """Real values (or such already) -> the tensor's own type: q = round(r / scale) + zero_point (Jacob et al. 2018)."""
    dtype = np.dtype(detail["dtype"])
    if dtype.kind == "f" or tensor.dtype == dtype:
        return tensor.astype(dtype, copy=False)
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(dtype)
    return np.asarray(np.clip(np.rint(tensor / scale) + zero_point, limits.min, limits.max), dtype)


def from_tensor(values: NDArray[Any], detail: Mapping[str, Any]) -> NDArray[np.float32]:
    """The tensor's own type -> real values."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    scale, zero_point = detail["quantization"]
    return np.asarray((values.astype(np.float32) - zero_point) * np.float32(scale), np.float32)
