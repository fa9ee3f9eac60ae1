"""Which operations of a file run on which accelerator, which do not and why: before a device is touched.

Of the CPU's XNNPACK and of an external delegate this is measured, by loading them. Of what is not at hand it follows
the published rules.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from convert.delegate_rules import edge_tpu_refuses, gpu_refuses, npu_refuses
from convert.operations import Operation, operations
from edge.errors import ModelError
from edge.perceive.engine import native_output_to_nowhere

_EDGE_TPU_COMPILER = "edgetpu_compiler"
# A row of its table with -s: "CONV_2D   34   Mapped to Edge TPU".
_OPERATOR = re.compile(r"^([A-Z][A-Z0-9_]+)[ \t]+(\d+)[ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
_MAPPED = "Mapped to Edge TPU"
_COMPILE_S = 180


def delegate_map(tflite: bytes, delegate: str = "", options: dict[str, str] | None = None) -> dict[str, Any]:
    """For each accelerator: how this is known, what runs there, and what stays on the CPU's own kernels and why.

    Args:
        delegate: a shared library with an external delegate, to be loaded and asked.

    Raises:
        ModelError: `delegate` cannot be loaded.
    """
    found = operations(tflite)
    result = {
        "cpu": _measured(tflite, found, "XNNPACK", _with_xnnpack),
        "gpu": _by_rules(found, "the rules of LiteRT's GPU accelerator", gpu_refuses),
        "npu": _by_rules(found, "rules common to LiteRT's NPU dispatch; the vendor's compiler decides", npu_refuses),
        "edge_tpu": _edge_tpu(tflite, found),
    }
    if delegate:

        def load(content: bytes) -> Any:
            return _with_external(content, delegate, options or {})

        result["external"] = _measured(tflite, found, delegate, load)
    return result


def delegate_lines(mapped: dict[str, Any]) -> list[str]:
    """`delegate_map` for a person."""
    lines = []
    for name, told in mapped.items():
        runs, stays = sum(told["runs"].values()), told["stays"]
        lines.append(f"{name}: {runs} of {runs + len(stays)} operations ({told['how']})")
        reasons = Counter((item["operation"], item["why"]) for item in stays)
        lines += [f"  {count} {operation}: {why}" for (operation, why), count in reasons.items()]
        if told.get("advice"):
            lines.append(f"  {told['advice']}")
    return lines


def _result(how: str, found: Sequence[Operation], refused: dict[int, str], advice: str = "") -> dict[str, Any]:
    return {
        "how": how,
        "runs": dict(Counter(operation.name for operation in found if operation.index not in refused)),
        "stays": [
            {"operation": operation.name, "layer": operation.output, "why": refused[operation.index]}
            for operation in found
            if operation.index in refused
        ],
        "advice": advice,
    }


def _by_rules(found: Sequence[Operation], how: str, refuses: Callable[[Operation], str]) -> dict[str, Any]:
    refused = {operation.index: why for operation in found if (why := refuses(operation))}
    return _result(how, found, refused)


def _edge_tpu(tflite: bytes, found: Sequence[Operation]) -> dict[str, Any]:
    refused: dict[int, str] = {}
    for operation in found:
        why = edge_tpu_refuses(operation)
        if not why and refused:
            # The compiler makes one sub-graph, from the start to the first operation that it cannot take.
            why = "comes after one that stays on the CPU"
        if why:
            refused[operation.index] = why
    if shutil.which(_EDGE_TPU_COMPILER) is None:
        advice = (
            "Install edgetpu_compiler to be sure and to compile (x86-64 Debian only): coral.ai/docs/edgetpu/compiler; "
            "then: edgetpu_compiler -s model.tflite"
        )
        return _result("the Edge TPU's published rules", found, refused, advice)
    told = _compiled(tflite)
    rows = _OPERATOR.findall(told)
    if not rows:
        advice = f"edgetpu_compiler did not compile it: {' '.join(told.split())[-300:]}"
        return _result("the Edge TPU's published rules", found, refused, advice)
    runs: Counter[str] = Counter()
    stays = []
    for name, count, status in rows:
        if status == _MAPPED:
            runs[name] += int(count)
        else:
            stays += [{"operation": name, "layer": "", "why": status}] * int(count)
    return {"how": told.strip().splitlines()[0], "runs": dict(runs), "stays": stays, "advice": ""}


def _compiled(tflite: bytes) -> str:
    """What edgetpu_compiler says of a file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.tflite").write_bytes(tflite)
        command = [_EDGE_TPU_COMPILER, "-s", "-o", folder, f"{folder}/model.tflite"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return done.stdout + done.stderr


def _measured(tflite: bytes, found: Sequence[Operation], who: str, load: Callable[[bytes], Any]) -> dict[str, Any]:
    """Load the delegate and look which of the operations it has replaced."""
    taken = _replaced(load(tflite), len(found))
    refused = {operation.index: f"not taken by {who}" for operation in found if operation.index not in taken}
    return _result(f"measured with {who}", found, refused)


def _with_xnnpack(tflite: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with native_output_to_nowhere():
        made = Interpreter(model_content=tflite, num_threads=1)
        made.allocate_tensors()
    return made


def _with_external(tflite: bytes, delegate: str, options: dict[str, str]) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate

    try:
        with native_output_to_nowhere():
            made = Interpreter(
                model_content=tflite,
                num_threads=1,
                experimental_delegates=[load_delegate(delegate, options)],
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            made.allocate_tensors()
    except (OSError, ValueError, RuntimeError, AttributeError) as error:
        raise ModelError(f"the delegate {delegate} cannot be loaded: {error}") from error
    return made


def _replaced(made: Any, count: int) -> set[int]:
    """Indices of the first `count` operations that a delegate computes.

    A delegate's own nodes come behind the file's. What one computes lies between its inputs and its outputs.
    """
    items = made._get_ops_details()
    producer = {int(tensor): number for number, item in enumerate(items[:count]) for tensor in item["outputs"]}
    taken: set[int] = set()
    for item in items[count:]:
        given = {int(tensor) for tensor in item["inputs"]}
        waiting = [int(tensor) for tensor in item["outputs"]]
        while waiting:
            tensor = waiting.pop()
            number = producer.get(tensor)
            if tensor in given or number is None or number in taken:
                continue
            taken.add(number)
            waiting += [int(source) for source in items[number]["inputs"] if int(source) >= 0]
    return taken
