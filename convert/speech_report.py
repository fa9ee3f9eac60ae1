"""Everything that a speech run's held-out models say, as JSON, Markdown and plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from convert.datasets.speech import load_corpora
from convert.folds import HeldOut, calibrated, fold_figures, fold_folders, held_out_outputs, judge
from convert.heard import false_alarms, held_out_noise, noisy_outputs
from convert.metrics import uar
from convert.plots import bars_plot, confusion_plot, curves_plot
from edge.perceive.vad import ACTIVITIES
from edge.records import EMOTIONS

_SNR_DB = (20, 10, 5, 0)


def speech_report(run: Path, data: Path) -> dict[str, Any]:
    """Figures of the run's fold models, int8 unless it says float.

    ``folds``: as `fold_figures`. ``snr_db``: mean UAR of the folds in noise, by signal-to-noise ratio. ``corpora``: for
    each run without a corpus, the UAR on the emotions that its training corpora have too. ``noise``: false alarms by
    voice activity, with their hourly rates.

    Raises:
        ConfigError: there are no fold models, or their data is not there.
    """
    judged = held_out_outputs(run, data)
    folders = fold_folders(run)
    result: dict[str, Any] = {"folds": fold_figures(judged), "snr_db": {}, "noise": {}, "corpora": {}}
    models = [calibrated(judged, index) for index in range(len(judged))]
    if any(held_out_noise(folder, data) for folder in folders):
        for snr in _SNR_DB:
            noisy = [noisy_outputs(model, folder, data, snr) for model, folder in zip(models, folders, strict=True)]
            each = [uar(fold.emotions(said).argmax(1), fold.labels) for fold, said in zip(judged, noisy, strict=True)]
            result["snr_db"][str(snr)] = round(float(np.mean(each)), 4)
        for activity in ACTIVITIES:
            heard = [
                false_alarms(model, held_out_noise(folder, data), activity)
                for model, folder in zip(models, folders, strict=True)
            ]
            result["noise"][activity] = _hourly(heard)
    for folder in sorted(run.glob("without-*")):
        result["corpora"][folder.name.removeprefix("without-")] = _strangers(folder, data)
    return result


def _hourly(heard: list[dict[str, Any]]) -> dict[str, Any]:
    total = {name: sum(part[name] for part in heard) for name in ("seconds", "observations", "events")}
    hours = total["seconds"] / 3600
    rates = {f"{name}_per_hour": round(total[name] / hours, 1) for name in ("observations", "events")}
    return {**total, "seconds": round(total["seconds"], 1), **rates}


def _strangers(folder: Path, data: Path) -> dict[str, Any]:
    """UAR of a corpus that the model of `folder` never met, on the emotions that both it and the training have."""
    fold: HeldOut = judge(folder, data)
    corpus = folder.name.removeprefix("without-")
    known = {clip.emotion for clip in load_corpora(data) if clip.corpus != corpus}
    shared = [index for index, emotion in enumerate(EMOTIONS) if emotion in known and index in fold.labels]
    chosen = np.isin(fold.labels, shared)
    answers = np.array(shared)[fold.emotions(fold.converted)[chosen][:, shared].argmax(axis=1)]
    return {
        "emotions": [EMOTIONS[index] for index in shared],
        "clips": int(chosen.sum()),
        "chance": round(1 / len(shared), 4),
        "uar": round(uar(answers, fold.labels[chosen]), 4),
    }


def write_speech_report(measured: dict[str, Any], folder: Path) -> None:
    """Write report.json, report.md, confusion.png, noise.png and recall.png to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(speech_markdown(measured), encoding="utf-8")
    int8 = measured["folds"]["int8"]
    title = "voices never heard, int8"
    confusion_plot(folder / "confusion.png", np.array(int8["confusion"]), EMOTIONS, title)
    recalls = {name: value for name, value in int8["recall"].items() if value is not None}
    bars_plot(folder / "recall.png", recalls, title, "recall")
    if measured["snr_db"]:
        across = [float(snr) for snr in measured["snr_db"]]
        curves = {"six folds": (across, list(measured["snr_db"].values()))}
        curves_plot(folder / "noise.png", curves, "voices in noise, both never heard", "signal to noise, dB", "UAR")


def speech_markdown(measured: dict[str, Any]) -> str:
    """The figures as Markdown tables."""
    lines = ["# Speech emotion: voices never heard", ""]
    lines += [
        "| Folds of actors | UAR, 7 classes | Spread | Accuracy | ECE | UAR, 8 classes |",
        "|---|---|---|---|---|---|",
    ]
    for kind, values in measured["folds"].items():
        calm = _percent(values["uar_with_calm_mean"]) if "uar_with_calm_mean" in values else "-"
        shares = " | ".join(_percent(values[name]) for name in ("uar_mean", "uar_std", "accuracy", "ece"))
        lines.append(f"| {kind} | {shares} | {calm} |")
    int8 = measured["folds"]["int8"]
    lines += ["", f"UAR of each fold, int8: {', '.join(_percent(value) for value in int8['uar_folds'])}.", ""]
    lines += ["| true \\ said |" + " | ".join(EMOTIONS) + " |", "|---" * (len(EMOTIONS) + 1) + "|"]
    for emotion, row in zip(EMOTIONS, int8["confusion"], strict=True):
        lines.append(f"| {emotion} | " + " | ".join(map(str, row)) + " |")
    if measured["snr_db"]:
        lines += ["", "| Noise behind the voice | UAR |", "|---|---|"]
        lines += [f"| {snr} dB | {_percent(value)} |" for snr, value in measured["snr_db"].items()]
    if measured["noise"]:
        lines += ["", "| Noise alone | Time | Observations an hour | Emotions an hour |", "|---|---|---|---|"]
        for activity, values in measured["noise"].items():
            rates = f"{values['observations_per_hour']} | {values['events_per_hour']}"
            lines.append(f"| {activity} | {values['seconds'] / 60:.0f} min | {rates} |")
    if measured["corpora"]:
        lines += ["", "| Corpus never met | Shared emotions | UAR | Chance |", "|---|---|---|---|"]
        for corpus, values in measured["corpora"].items():
            shares = f"{_percent(values['uar'])} | {_percent(values['chance'])}"
            lines.append(f"| {corpus} | {', '.join(values['emotions'])} | {shares} |")
    return "\n".join(lines) + "\n"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
