"""The gate's report for people and programs: JSON, Markdown and PNG; the same figures give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from convert.gate import FIGURES
from convert.plots import intervals_plot


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write ``report.json``, ``report.md`` and, where something was compared, ``recall.png`` to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.md").write_text(markdown(report), encoding="utf-8")
    if compared := report.get("compared"):
        rows = {
            name: {
                "float": (values["float"], *values["float_interval"]),
                report["scheme"]: (values["converted"], *values["converted_interval"]),
            }
            for name, values in compared["classes"].items()
        }
        all_ = "all" if compared["figure"] == "accuracy" else FIGURES[compared["figure"]]
        rows[all_] = {
            kind: (compared[which][compared["figure"]], *compared[which]["interval"])
            for kind, which in (("float", "float"), (report["scheme"], "converted"))
        }
        title = f"{report['model']}, {report['evaluated_on']}: recall with 95 % intervals"
        intervals_plot(folder / "recall.png", rows, title)


def markdown(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    verdict = "may ship" if report["passed"] else "**must not ship**"
    lines = [f"# {report['model']} as {report['scheme']}: {verdict}", ""]
    for finding in report["findings"]:
        lines += [f"- **{finding['what']}**: {finding['message']}", f"  {finding['advice']}"]
    if not report["findings"]:
        lines.append("Nothing was found beyond the limits.")
    if compared := report.get("compared"):
        lines += ["", f"## Float and {report['scheme']} on {report['evaluated_on']}", "", *_compared(compared)]
    if layers := report.get("worst_layers"):
        lines += ["", "## Layers that lose most", "", "| Layer | Operation | Signal to noise |", "|---|---|---|"]
        lines += [f"| `{layer['output']}` | {layer['operation']} | {layer['sqnr_db']:.1f} dB |" for layer in layers]
    if size := report.get("size"):
        lines += ["", "## Size and work", ""]
        lines.append(
            f"{size['bytes'] / 1000:.1f} kB (float {size['float_bytes'] / 1000:.1f} kB), "
            f"{size['macs'] / 1e6:.2f} million multiply-adds. Operations: "
            + ", ".join(f"{count} {name}" for name, count in size["operations"].items())
            + "."
        )
    lines += ["", "## How it was made", ""]
    for key, value in report["contract"]["known_by"].items():
        lines.append(f"- {key}: {value}")
    lines.append(f"- labels, in order: {', '.join(report['contract']['labels'])}")
    lines.append(f"- input: {json.dumps(report['contract']['input'])}")
    calibration = report["calibration"]
    lines.append(
        f"- calibrated on {calibration['count']} examples of {calibration['data']}, balanced, seed "
        f"{calibration['seed']}: named in report.json"
    )
    lines.append(f"- by {', '.join(f'{name} {number}' for name, number in report['converter'].items())}")
    return "\n".join([*lines, ""])


def _compared(compared: Mapping[str, Any]) -> list[str]:
    low, high = compared["drop_interval"]
    figure = compared["figure"]
    exact, found = compared["float"], compared["converted"]
    faces = f"faces in {compared['photos']} photos at IoU {compared['iou']}" if "photos" in compared else "examples"
    lines = [
        f"{compared['count']} {faces}; {100 * compared['changed_decisions']:.2f} % of the decisions changed. "
        "Intervals: 95 %, bootstrap over examples.",
        "",
        "| | Examples | Float | Converted | Loss in points |",
        "|---|---|---|---|---|",
        f"| {FIGURES[figure]} | {compared['count']} | {_with(exact[figure], exact['interval'])} | "
        f"{_with(found[figure], found['interval'])} | {compared['drop']:.2f} ({low:.2f} to {high:.2f}) |",
    ]
    for key in exact:
        if key.startswith("recall_at_"):
            name = f"recall at {key.removeprefix('recall_at_')} false positives"
            lines.append(
                f"| {name} | {compared['count']} | {100 * exact[key]:.1f} % | {100 * found[key]:.1f} % | "
                f"{100 * (exact[key] - found[key]):.2f} |"
            )
    ece = " | ".join("" if kind["ece"] is None else f"{100 * kind['ece']:.1f} %" for kind in (exact, found))
    lines.append(f"| ECE | | {ece} | |")
    for name, values in compared["classes"].items():
        low, high = values["drop_interval"]
        shares = " | ".join(_with(values[kind], values[f"{kind}_interval"]) for kind in ("float", "converted"))
        loss = f"{values['drop']:.2f} ({low:.2f} to {high:.2f})"
        lines.append(f"| recall of {name} | {values['count']} | {shares} | {loss} |")
    return lines


def _with(share: float, interval: list[float]) -> str:
    return f"{100 * share:.1f} % ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"
