"""Everything that is measured of a face package, as JSON, Markdown and pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets.faces import LABELS, Faces, has_majority, majority
from convert.datasets.fer2013 import by_majority
from convert.disturb import DISTURBANCES, disturbed
from convert.evaluate import face_splits, face_tensors, learned_labels, measured_labels, outputs
from convert.metrics import details, figures
from convert.package import write_description
from convert.plots import bars_plot, confusion_plot, curves_plot, reliability_plot
from edge.perceive.package import load_package
from edge.perceive.runtime import Model

_SHORT = ("count", "accuracy", "uar", "macro_f1", "ece")


def face_report(folder: Path, data: Path, out: Path, record: bool = False) -> dict[str, Any]:
    """Measure the package in `folder` on every split in `data`, and write report.json, README.md and PNG to `out`.

    FER2013's splits are measured by FER's own labels and by the majority of the FER+ votes, and the last split also
    under each of DISTURBANCES, by the labels that the package learned.

    Args:
        record: also write what matters of it to the package, for its card.

    Raises:
        ModelError, ConfigError: the package or the data cannot be used.
    """
    model = Model(load_package(folder, "face"))
    splits = face_splits(data, model.package.input, classes=len(LABELS))
    learned = face_splits(data, model.package.input, learned_labels(model))
    measured: dict[str, Any] = {}
    for name, faces in splits.items():
        said = outputs(model, face_tensors(model.package.input, faces))
        measured |= measured_labels(model, name, said, faces.labels, details)
        if faces.votes.any():
            clear = has_majority(faces)
            measured |= measured_labels(model, by_majority(name), said[clear], majority(faces).labels, details)
    name, faces = list(learned.items())[-1]
    robust = {"as it is": figures(_answers(model, faces), faces.labels)}
    for change in DISTURBANCES:
        seen = Faces(disturbed(faces.images, change), faces.labels, faces.votes)
        robust[change] = figures(_answers(model, seen), faces.labels)
    report = {"package": model.package.name, "sha256": model.package.sha256, "measured": measured}
    report["robustness"] = {"split": name, "changes": robust}
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    _draw(report, out)
    (out / "README.md").write_text(_markdown(report), encoding="utf-8")
    if record:
        write_description(folder, {**model.package.description, "report": _recorded(report)})
    return report


def _recorded(report: Mapping[str, Any]) -> dict[str, Any]:
    """Of a report what a card tells: no bins, no matrices."""
    robust = report["robustness"]
    short = {name: {key: values[key] for key in _SHORT} for name, values in report["measured"].items()}
    changes = {name: {key: values[key] for key in _SHORT} for name, values in robust["changes"].items()}
    coverage = {
        name: {str(round(100 * row["coverage"])): row["accuracy"] for row in values["coverage"][1::2]}
        for name, values in report["measured"].items()
        if name == robust["split"]
    }
    return {"measured": short, "coverage": coverage, "robustness": {"split": robust["split"], "changes": changes}}


def _answers(model: Model, faces: Faces) -> NDArray[np.float32]:
    return model.emotions(outputs(model, face_tensors(model.package.input, faces)))


def _slug(name: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


def _draw(report: Mapping[str, Any], out: Path) -> None:
    for name, values in report["measured"].items():
        matrix = np.array(values["confusion"])
        confusion_plot(out / f"confusion-{_slug(name)}.png", matrix, LABELS[: len(matrix)], name)
        reliability_plot(
            out / f"reliability-{_slug(name)}.png", values["reliability"], f"{name}: ECE {values['ece']:.3f}"
        )
    curves = {
        name: ([row["coverage"] for row in values["coverage"]], [row["accuracy"] for row in values["coverage"]])
        for name, values in report["measured"].items()
    }
    curves_plot(
        out / "coverage.png", curves, "accuracy when the unsure rest is left unanswered", "coverage", "accuracy"
    )
    changes = report["robustness"]["changes"]
    accuracy = {name: 100 * values["accuracy"] for name, values in changes.items()}
    bars_plot(out / "robustness.png", accuracy, report["robustness"]["split"], "accuracy in percent")


def _markdown(report: Mapping[str, Any]) -> str:
    lines = [
        f"# {report['package']}: measured",
        "",
        f"Package with model.tflite of SHA-256 `{report['sha256'][:16]}`, one forward pass for each picture.",
        "",
        "| Data | Images | Accuracy | UAR | Macro-F1 | ECE |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {values['count']} | {_row(values)} |" for name, values in report["measured"].items()]
    for name, values in report["measured"].items():
        lines += ["", f"## {name}", ""]
        lines += ["| Emotion | Precision | Recall | F1 |", "|---|---|---|---|"]
        lines += [
            f"| {emotion} | "
            + " | ".join(_percent(values[key][emotion]) for key in ("precision", "recall", "f1"))
            + " |"
            for emotion in values["recall"]
        ]
        shares = ", ".join(
            f"{_percent(row['accuracy'])} of the surest {100 * row['coverage']:.0f} %"
            for row in values["coverage"][1::2]
        )
        lines += ["", f"Right: {shares}."]
        pictures = (f"![{kind}]({kind}-{_slug(name)}.png)" for kind in ("confusion", "reliability"))
        lines += ["", *pictures]
    robust = report["robustness"]
    lines += ["", "![coverage](coverage.png)", "", f"## Robustness on {robust['split']}", ""]
    lines += ["| Picture | Accuracy | UAR | Macro-F1 | ECE |", "|---|---|---|---|---|"]
    lines += [f"| {name} | {_row(values)} |" for name, values in robust["changes"].items()]
    return "\n".join([*lines, "", "![robustness](robustness.png)", ""])


def _row(values: Mapping[str, Any]) -> str:
    return " | ".join(_percent(values[key]) for key in ("accuracy", "uar", "macro_f1", "ece"))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
