"""The model card: model.json told to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_USE = {
    "face": "The apparent emotion of one face, cut out of a picture with the margin given below.",
    "detector": "Faces in a picture: boxes, scores and five landmarks (eyes, nose, corners of the mouth).",
    "speech": "The apparent emotion of a voice in a window of sound, whatever the words.",
    "fusion": "One estimate of what a face and a speech model said of the same person, how well and how long ago.",
}
_SHARES = ("accuracy", "uar", "macro_f1", "ece")
_SCHEMES = {
    "int8": "Full int8 TFLite",
    "int8-float-io": "Int8 TFLite with float input and output",
    "int16x8": "TFLite with int8 weights and int16 activations",
    "dynamic": "TFLite with int8 weights",
    "float16": "Float16 TFLite",
    "mixed": "TFLite, int8 but for a few layers in float",
}
_FER2013 = (
    "The training pictures were found on the web by emotion words. Their labels are noisy: the majority of the ten "
    "FER+ annotators disagrees with 35 % of them. "
)
_LIMITS = {
    "face": (
        "Rare and subtle expressions are recognised least: see the recalls above. The data names neither age nor "
        "origin of the people, so nobody has measured for whom the model works worse; expect it to do so for people "
        "who are rare in the training data."
    ),
    "detector": (
        "Boxes and landmarks were learnt from another detector's (YuNet's) answers on 3,937 photos from the web, many "
        "of them of celebrities and of people with masks: what that detector misses, this one was not taught. Nobody "
        "has measured for which people it works worse."
    ),
    "speech": (
        "The voices are actors' who play an emotion in one or two sentences, in English and German. Spontaneous "
        "speech is far less distinct: expect lower figures at home or in a car. Other languages, children and old "
        "people were not measured."
    ),
    "fusion": (
        "The pairs are synthetic: a face of FER2013 and a sentence of RAVDESS with the same label, taken for one "
        "person's. Real faces and voices agree more subtly and err together. The figures compare ways of fusion; they "
        "are not what to expect at home."
    ),
}


def render_card(description: Mapping[str, Any]) -> str:
    """Markdown from the content of a model.json."""
    task = description["task"]
    lines = [
        f"# {description['name']}",
        "",
        f"{_USE[task]} {_SCHEMES[description.get('scheme', 'int8')]}, "
        f"{description['files']['model.tflite']['bytes'] / 1000:.0f} kB" + _size(description) + ".",
        "",
        *_meaning(description),
        "",
        "## Input",
        "",
        *(f"- {name}: {_short(value)}" for name, value in description["input"].items() if value not in ("", [], ())),
        "",
        "## Figures",
        "",
        *_figures(description["metrics"]),
        *_report(description),
        "",
        "## Training data and licence",
        "",
    ]
    for source in description["training_data"].values():
        lines.append(f"- [{source['title']}]({source['url']}): {source['citation']}. Licence: {source['licence']}.")
    lines += ["", f"Licence of the weights: {description['licence']}."]
    if any(not source["commercial"] for source in description["training_data"].values()):
        lines.append(
            "**Not for commercial use:** the authors of the data named above exclude it. Train a model on data of your "
            "own for a commercial product."
        )
    return "\n".join([*lines, "", "## Limits", "", _limits(description), ""])


def _limits(description: Mapping[str, Any]) -> str:
    text = (_FER2013 if "fer2013" in description["training_data"] else "") + _LIMITS[description["task"]]
    if "report" not in description:
        return text
    changes = description["report"]["robustness"]["changes"]
    plain = changes["as it is"]["accuracy"]
    lost = {name: 100 * (plain - values["accuracy"]) for name, values in changes.items() if values["accuracy"] < plain}
    worst = ", ".join(f"{name} {points:.1f}" for name, points in sorted(lost.items(), key=lambda item: -item[1])[:4])
    return f"{text} Points of accuracy that worse pictures cost: {worst}."


def _report(description: Mapping[str, Any]) -> list[str]:
    """What `evaluate face --record` has added."""
    if "report" not in description:
        return []
    report = description["report"]
    name, shares = list(report["coverage"].items())[-1]
    told = ", ".join(f"{100 * right:.1f} % of the surest {share} %" for share, right in shares.items())
    lines = ["", f"Right on {name}: {told}."]
    robust = report["robustness"]
    lines += ["", f"| {robust['split']} | Accuracy | UAR | Macro-F1 | ECE |", "|---|---|---|---|---|"]
    for name, values in robust["changes"].items():
        lines.append(f"| {name} | " + " | ".join(f"{100 * values[key]:.1f} %" for key in _SHARES) + " |")
    others = {name: values for name, values in report["measured"].items() if name not in description["metrics"]}
    if others:
        lines += ["", "| By other labels | Images | Accuracy | UAR | Macro-F1 | ECE |", "|---|---|---|---|---|---|"]
    for name, values in others.items():
        shares = " | ".join(f"{100 * values[key]:.1f} %" for key in _SHARES)
        lines.append(f"| {name} | {values['count']} | {shares} |")
    return lines


def _meaning(description: Mapping[str, Any]) -> list[str]:
    if description["task"] == "detector":
        return [
            "**It finds faces and knows nobody.** It cannot tell whose face it sees, and must not be made a part of "
            "anything that does.",
            "",
            "Output, for each cell of grids of 8, 16 and 32 pixels, level by level, row by row: the logit of the "
            "score, the box (offset from the cell, logarithms of its sides), the landmarks' offsets; "
            f"all in cells (landmarks in units of {description.get('landmark_unit', 1):g}), and raised by "
            "2.5, 3 and 3, so that they lie in 0 to 6. "
            "A face's score is half that of its surest cell, half the mean of the nine surest that answer for it, as "
            f"logits; it is at least {description['threshold']}.",
        ]
    return [
        "**Apparent emotion only.** The model says which label people would most likely give to what it sees or hears. "
        "It does not know what anybody feels. Do not use it to judge people: not at work, not at school, not for "
        "insurance, credit, police or health.",
        "",
        f"Labels: {', '.join(description['labels'])}. Output: logits, divided by the temperature "
        f"{description['temperature']} before softmax.",
    ]


def _size(description: Mapping[str, Any]) -> str:
    if "macs" not in description:
        return ""
    parameters = f", {description['parameters']:,} parameters" if description["parameters"] else ""
    return f"{parameters}, {description['macs'] / 1e6:.1f} million multiply-adds a call"


def _short(value: Any) -> str:
    return f"{len(value)} numbers, see model.json" if isinstance(value, (list, tuple)) else str(value)


def _figures(metrics: Mapping[str, Any]) -> list[str]:
    """A table of the figures that every data set has; what is measured only for some stands below."""
    compared = [(name, values) for name, values in metrics.items() if _strategies(values)]
    if compared:
        rest = {name: values for name, values in metrics.items() if not _strategies(values)}
        tables = [line for name, values in compared for line in [*comparison(name, values), ""]]
        return [*tables, *_figures(rest)] if rest else tables[:-1]
    found = [
        values for kinds in metrics.values() for values in kinds.values() if isinstance(values, dict) and "ap" in values
    ]
    if found:
        return _detection_figures(metrics)
    rows = [(name, kind, values) for name, kinds in metrics.items() for kind, values in kinds.items() if _plain(values)]
    if not rows:
        return ["Not measured."]
    lines = ["| Data | Model | Images or clips | Accuracy | UAR | Macro-F1 | ECE |", "|---|---|---|---|---|---|---|"]
    for name, kind, values in rows:
        shares = " | ".join(f"{100 * values[key]:.1f} %" for key in _SHARES)
        lines.append(f"| {name} | {kind} | {values['count']} | {shares} |")
    for name, kinds in metrics.items():
        for kind, values in kinds.items():
            if "uar_mean" in values:
                folds = ", ".join(f"{100 * value:.1f}" for value in values["uar_folds"])
                lines += ["", f"{name}, {kind}: mean UAR {100 * values['uar_mean']:.1f} % (each: {folds})."]
    converted = [(name, kind, values) for name, kind, values in rows if kind != "float"]
    for name, kind, values in converted[-1:]:
        lines += ["", f"Each label on {name}, {kind}, and how often each (row) was taken for each (column):", ""]
        lines += _by_label(values)
    return lines


def _by_label(values: Mapping[str, Any]) -> list[str]:
    """Precision, recall, F1 and the confusion matrix of the labels that there are."""
    names, matrix = list(values["recall"]), values["confusion"]
    said = [sum(column) for column in zip(*matrix, strict=True)]
    lines = ["| Label | Precision | Recall | F1 | " + " | ".join(names) + " |", "|---" * (len(names) + 4) + "|"]
    for index, (name, row) in enumerate(zip(names, matrix, strict=True)):
        if not sum(row):
            continue
        hits = row[index]
        shares = [hits / said[index] if said[index] else 0.0, hits / sum(row), 2 * hits / (sum(row) + said[index])]
        told = " | ".join(f"{100 * share:.0f} %" for share in shares)
        lines.append(f"| {name} | {told} | " + " | ".join(map(str, row)) + " |")
    return lines


def _detection_figures(metrics: Mapping[str, Any]) -> list[str]:
    lines = [
        "| Data | Model | Pictures | Faces | Recall at 5 | at 12 | at 25 false positives | AP at IoU 0.4 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, kinds in metrics.items():
        for kind, values in kinds.items():
            shares = " | ".join(f"{values[f'recall_at_{count}']:.3f}" for count in (5, 12, 25))
            lines.append(
                f"| {name} | {kind} | {values['pictures']} | {values['faces']} | {shares} | {values['ap']:.3f} |"
            )
    return lines


def _plain(values: Any) -> bool:
    return isinstance(values, dict) and "accuracy" in values


def _strategies(values: Any) -> bool:
    return isinstance(values, dict) and all("learned" in answers for answers in values.values())


def comparison(name: str, conditions: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    """UAR of every way of fusion in every condition."""
    ways = list(next(iter(conditions.values())))
    lines = [f"UAR on {name}:", "", "| |" + " | ".join(conditions) + " |", "|---" * (len(conditions) + 1) + "|"]
    for way in ways:
        shares = " | ".join(f"{100 * answers[way]['uar']:.1f} %" for answers in conditions.values())
        lines.append(f"| {way} | {shares} |")
    return lines
