"""Write a model package: ``model.tflite``, ``model.json`` (the contract) and ``README.md`` (the card)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from convert.card import render_card
from convert.run import Run
from convert.sources import SOURCES, model_licence
from edge import __version__
from edge.perceive.package import SCHEMA


def write_package(
    folder: Path,
    run: Run,
    tflite: bytes,
    temperature: float = 1.0,
    metrics: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
    extra: Mapping[str, bytes] | None = None,
    output: str = "logits",
) -> None:
    """Write the package of `run` to `folder`, named like it; the same arguments give the same bytes.

    Args:
        metrics: figures with data set and split, as they shall stand in model.json and in the card.
        facts: further keys of model.json: parameters, macs, converter versions.
        extra: further files by name: the variant for GPUs, golden vectors.
        output: what the model answers, ``logits`` or ``probabilities``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {"model.tflite": tflite, **(extra or {})}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    data = [name for name in run.about.get("data", []) if name in SOURCES]
    description = {
        "schema": SCHEMA,
        "name": folder.name,
        "version": __version__,
        "task": run.task,
        "labels": list(run.labels),
        "input": asdict(run.input),
        "output": output,
        "temperature": temperature,
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
        "metrics": metrics or {},
        "training_data": {name: asdict(SOURCES[name]) for name in data},
        "training": {name: value for name, value in run.about.items() if name != "data"},
        "licence": model_licence(data) if data else "unknown: the run does not name its training data",
        **(facts or {}),
    }
    write_description(folder, description)


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """model.json, and the card that tells it to a person."""
    text = json.dumps(description, indent=2, ensure_ascii=False)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")
    (folder / "README.md").write_text(render_card(description), encoding="utf-8")
