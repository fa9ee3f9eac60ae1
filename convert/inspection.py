"""What is in a model package: contract, hash, figures, operations and number types."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from edge.errors import ModelError
from edge.perceive.package import Task, load_package


def inspect_package(folder: Path) -> dict[str, Any]:
    """model.json of a verified package, and ``operations`` and ``tensor_types`` with how often each occurs.

    Raises:
        ModelError: the package is missing, damaged or of no known task.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    package = load_package(folder, _task(folder))
    # Without the delegate that takes over at start, whose own nodes would be counted too.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(package.model_path), experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    # LiteRT has no public list of operations; its own analyzer reads the same.
    operations = Counter(item["op_name"] for item in interpreter._get_ops_details())
    types = Counter(str(item["dtype"].__name__) for item in interpreter.get_tensor_details())
    return {**package.description, "operations": dict(operations), "tensor_types": dict(types)}


def _task(folder: Path) -> Task:
    try:
        task = json.loads((folder / "model.json").read_text(encoding="utf-8"))["task"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / 'model.json'}: expected a package's contract: {error!r}.") from error
    if task not in ("face", "speech"):
        raise ModelError(f"{folder / 'model.json'}: task: expected face or speech, got {task!r}.")
    return "face" if task == "face" else "speech"
