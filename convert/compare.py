"""Train a list of networks by one recipe and budget, and put what came of it side by side."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.architectures.count import multiply_adds
from convert.augment_faces import Augmentation
from convert.contract import prepared
from convert.datasets.faces import FaceData, Faces
from convert.datasets.layout import load_faces
from convert.embeddings import svm_accuracy
from convert.face_recipe import FaceRecipe
from convert.int8 import convert_int8
from convert.metrics import figures
from convert.package import write_package
from convert.representative import balanced
from convert.run import Run, read_run
from convert.train_face import train_on
from edge.errors import ConfigError
from edge.perceive.package import load_package
from edge.perceive.runtime import Model, softmax

_TIMED = 30  # calls, of which the median is taken
_NONE = Augmentation(*[0.0] * len(fields(Augmentation)))
_COLUMNS = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "int8_accuracy": "int8 accuracy",
    "svm_accuracy": "SVM accuracy",
    "parameters": "Parameters",
    "macs": "Million MACs",
    "int8_bytes": "int8 kB",
    "frame_ms": "ms a frame",
    "epochs": "Epochs",
}


def compare(
    data: Path, architectures: Sequence[str], recipe: FaceRecipe, out: Path, test_images: int = 0, svm: bool = False
) -> list[dict[str, Any]]:
    """Train each of `architectures` without and with augmentation; write compare.json and README.md to `out`.

    What `out` holds already is kept: an interrupted comparison goes on where it was.

    Args:
        architectures: names as of `train face`, or NAME:HEAD for another head than the network's own.
        test_images: how many of the last test split to measure on, evenly spread; 0 for all.
        svm: also train a support-vector machine on each network's embeddings.

    Returns:
        A row for each network and kind of training, as in compare.json.

    Raises:
        ConfigError: the data or a name cannot be used, or `out` holds rows of another recipe.
    """
    found = load_faces(data, recipe.size, recipe.channels, recipe.labels).with_classes(recipe.classes)
    rows = []
    for name in architectures:
        for augmented in (False, True):
            folder = out / f"{name.replace(':', '-')}{'' if augmented else '-plain'}"
            augmentation = recipe.augmentation if augmented else _NONE
            network, _, head = name.partition(":")
            changed = replace(recipe, architecture=network, head=head or recipe.head, augmentation=augmentation)
            stored = folder / "row.json"
            if stored.is_file():
                if read_run(folder).about["recipe"] != asdict(changed):
                    raise ConfigError(f"{folder}: was trained by another recipe. Choose another folder with --out.")
                rows.append(json.loads(stored.read_text(encoding="utf-8")))
                continue
            model = train_on(found, folder, changed, resume=(folder / "last.keras").exists())
            row = {"architecture": name, "augmented": augmented, **_measure(model, found, changed, folder, test_images)}
            if svm:
                test = _some(list(found.splits.values())[-1], test_images)
                row["svm_accuracy"] = round(svm_accuracy(model, found.train, test, changed.input), 4)
            stored.write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")
            rows.append(row)
            _write(rows, recipe, found, out)
    _write(rows, recipe, found, out)
    return rows


def _measure(model: Any, data: FaceData, recipe: FaceRecipe, folder: Path, test_images: int) -> dict[str, Any]:
    test = _some(list(data.splits.values())[-1], test_images)
    seen = prepared(test.images, recipe.input)
    by_float = figures(softmax(model.predict(seen, verbose=0)), test.labels, recipe.names)
    progress = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    row = {
        "count": len(test),
        "accuracy": by_float["accuracy"],
        "macro_f1": by_float["macro_f1"],
        "parameters": int(model.count_params()),
        "macs": multiply_adds(model),
        "epochs": progress["epoch"],
        "minutes": round(progress["seconds"] / 60, 1),
    }
    chosen = balanced(data.train.labels.tolist())
    try:
        tflite = convert_int8(model, prepared(data.train.images[chosen], recipe.input), folder / "quantize.log")
    except ConfigError as error:
        return {**row, "int8": str(error)}
    with tempfile.TemporaryDirectory() as draft:
        write_package(Path(draft), Run("face", recipe.input, recipe.names), tflite)
        package = Model(load_package(Path(draft), "face"))
    answers, times_ms = _timed(package, seen)
    right = answers.argmax(axis=1) == test.labels
    return {
        **row,
        "int8_bytes": len(tflite),
        "int8_accuracy": round(float(right.mean()), 4),
        "frame_ms": round(statistics.median(times_ms[:_TIMED]), 2),
    }


def _timed(model: Model, seen: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[float]]:
    answers, times_ms = [], []
    for tensor in seen:
        started = time.perf_counter()
        answers.append(model.outputs(tensor))
        times_ms.append(1000 * (time.perf_counter() - started))
    return np.stack(answers), times_ms


def _some(faces: Faces, count: int) -> Faces:
    if not count or count >= len(faces):
        return faces
    return faces.only(np.linspace(0, len(faces) - 1, count).astype(np.int64))


def _write(rows: Sequence[dict[str, Any]], recipe: FaceRecipe, data: FaceData, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    whole = {"recipe": asdict(recipe), "test": list(data.splits)[-1], "rows": list(rows)}
    (out / "compare.json").write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    budget = f"{recipe.minutes:g} minutes" if recipe.minutes else f"{recipe.epochs} epochs"
    measured = f"measured on {rows[0]['count'] if rows else 0} of {whole['test']}"
    lines = [
        f"One recipe, {budget} for each; {len(data.train)} training faces, {measured}.",
        "",
        comparison_table(rows),
    ]
    (out / "README.md").write_text("\n".join(lines), encoding="utf-8")


def comparison_table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line for each row, before and after augmentation side by side in its name."""
    columns = {key: title for key, title in _COLUMNS.items() if any(key in row for row in rows)}
    lines = ["| Network | Augmented | " + " | ".join(columns.values()) + " |", "|---|---|" + "---|" * len(columns)]
    for row in rows:
        cells = " | ".join(_cell(key, row.get(key)) for key in columns)
        lines.append(f"| {row['architecture']} | {'yes' if row['augmented'] else 'no'} | {cells} |")
    refused = [f"- {row['architecture']}: no int8 model: {row['int8']}" for row in rows if "int8" in row]
    return "\n".join([*lines, *([""] if refused else []), *dict.fromkeys(refused), ""])


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if key.endswith("accuracy") or key == "macro_f1":
        return f"{100 * value:.1f} %"
    if key == "macs":
        return f"{value / 1e6:.1f}"
    if key == "int8_bytes":
        return f"{value / 1000:.0f}"
    return f"{value:,}"
