"""What is in a model package or a .tflite file: contract, figures, operations, number types, where each may run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from convert.delegates import delegate_map
from convert.operations import interpreter, operations
from edge.errors import ModelError
from edge.perceive.package import Task, load_package


def inspect_model(path: Path, delegate: str = "", options: dict[str, str] | None = None) -> dict[str, Any]:
    """model.json of a verified package (nothing of a bare .tflite), with ``operations``, ``macs``, ``tensor_types`` and
    ``delegates``, as `convert.delegates.delegate_map` gives them.

    Raises:
        ModelError: the package is missing, damaged or of no known task; the file is no model.
    """
    description: dict[str, Any] = {}
    file = path
    if path.suffix != ".tflite":
        package = load_package(path, task_of(path))
        description, file = dict(package.description), package.model_path
    try:
        tflite = file.read_bytes()
        found = operations(tflite)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{file}: not a model that this TFLite runtime can read: {error}") from error
    types = Counter(np.dtype(item["dtype"]).name for item in interpreter(tflite).get_tensor_details())
    return {
        **description,
        "operations": dict(Counter(operation.name for operation in found)),
        "macs": sum(operation.macs for operation in found),
        "tensor_types": dict(types),
        "delegates": delegate_map(tflite, delegate, options),
    }


def task_of(folder: Path) -> Task:
    """The task of the package in `folder`.

    Raises:
        ModelError: it has none that is known.
    """
    try:
        task = json.loads((folder / "model.json").read_text(encoding="utf-8"))["task"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / 'model.json'}: expected a package's contract: {error!r}.") from error
    tasks = get_args(Task)
    if task not in tasks:
        raise ModelError(f"{folder / 'model.json'}: task: expected one of {', '.join(tasks)}, got {task!r}.")
    return cast(Task, task)
