"""Everything that a speech run's held-out models say, as JSON, Markdown and plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from convert.folds import (
    INT8,
    Making,
    calibrated,
    common_temperature,
    fold_figures,
    fold_folders,
    held_out_outputs,
)
from convert.heard import (
    VOICE_ACTIVITY,
    false_alarms,
    held_out_noise,
    noisy_outputs,
    sentence_figures,
    sentences_heard,
)
from convert.judging import label_of
from convert.left_out import corpus_folders, left_out_figures
from convert.metrics import reliability, uar
from convert.plots import bars_plot, confusion_plot, curves_plot, reliability_plot
from edge.perceive.vad import ACTIVITIES
from edge.records import EMOTIONS

_SNR_DB = (20, 10, 5, 0)


def held_out_figures(run: Path, data: Path, making: Making = INT8) -> dict[str, dict[str, Any]]:
    """Figures of the run's fold models and of those without a corpus, float and converted, by what they were tried on.

    Raises:
        ConfigError: there are neither, or their data is not there.
    """
    corpora = corpus_folders(run)
    judged = held_out_outputs(run, data, making) if fold_folders(run) or not corpora else []
    label = label_of(making.scheme)
    measured = {}
    if judged:
        for kind, values in fold_figures(judged, label).items():
            measured[f"RAVDESS, held-out actors, {kind}"] = values
    temperature = common_temperature(judged) if judged else 1.0
    for folder in corpora:
        for kind, values in left_out_figures(folder, data, making, temperature).items():
            measured[f"{folder.name}, {kind}"] = values
    return measured


def speech_report(run: Path, data: Path, making: Making = INT8) -> dict[str, Any]:
    """Figures of the run's held-out models, converted as `making` says unless it says float.

    ``folds``: as `fold_figures`. ``reliability``: the bins behind its ECE. ``device``: as `sentence_figures`, by voice
    activity. ``snr_db``: mean UAR of the folds in noise, by signal-to-noise ratio. ``noise``: false alarms by voice
    activity, with their hourly rates. ``corpora``: as `left_out_figures`, by corpus. What a run has no models for is
    empty.

    Raises:
        ConfigError: there are no held-out models at all, or their data is not there.
    """
    result: dict[str, Any] = {name: {} for name in ("folds", "device", "snr_db", "noise", "corpora")}
    result |= {"scheme": making.scheme, "reliability": []}
    folders, corpora = fold_folders(run), corpus_folders(run)
    temperature = 1.0
    if folders or not corpora:
        judged = held_out_outputs(run, data, making)
        temperature = common_temperature(judged)
        result["folds"] = fold_figures(judged, label_of(making.scheme))
        models = [calibrated(judged, index) for index in range(len(judged))]
        labels = [fold.labels for fold in judged]
        shares = [
            fold.emotions(fold.converted, model.package.temperature) for fold, model in zip(judged, models, strict=True)
        ]
        result["reliability"] = reliability(np.concatenate(shares), np.concatenate(labels))
        heard = [sentences_heard(model, fold.clips, VOICE_ACTIVITY) for model, fold in zip(models, judged, strict=True)]
        result["device"][VOICE_ACTIVITY] = sentence_figures(heard, labels)
        noises = [held_out_noise(folder, data) for folder in folders]
        if all(noises):
            for snr in _SNR_DB:
                each = [
                    uar(fold.emotions(noisy_outputs(model, fold.clips, behind, snr)).argmax(axis=1), fold.labels)
                    for model, fold, behind in zip(models, judged, noises, strict=True)
                ]
                result["snr_db"][str(snr)] = round(float(np.mean(each)), 4)
        if any(noises):
            for name in ACTIVITIES:
                alarms = [false_alarms(model, alone, name) for model, alone in zip(models, noises, strict=True)]
                result["noise"][name] = _hourly(alarms)
    for folder in corpora:
        found = left_out_figures(folder, data, making, temperature)
        result["corpora"][folder.name.removeprefix("without-")] = found
    return result


def _hourly(heard: list[dict[str, Any]]) -> dict[str, Any]:
    total = {name: sum(part[name] for part in heard) for name in ("seconds", "observations", "events")}
    hours = total["seconds"] / 3600
    rates = {f"{name}_per_hour": round(total[name] / hours, 1) for name in ("observations", "events")}
    return {**total, "seconds": round(total["seconds"], 1), **rates}


def write_speech_report(measured: dict[str, Any], folder: Path) -> None:
    """Write report.json, report.md and the plots of what was measured to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(speech_markdown(measured), encoding="utf-8")
    kind = label_of(measured["scheme"])
    if measured["folds"]:
        values = measured["folds"][kind]
        title = f"voices never heard, {kind}"
        confusion_plot(folder / "confusion.png", np.array(values["confusion"]), EMOTIONS, title)
        recalls = {name: value for name, value in values["recall"].items() if value is not None}
        bars_plot(folder / "recall.png", recalls, title, "recall")
        reliability_plot(folder / "reliability.png", measured["reliability"], f"{title}, ECE {_percent(values['ece'])}")
    if measured["snr_db"]:
        across = [float(snr) for snr in measured["snr_db"]]
        curves = {"all folds": (across, list(measured["snr_db"].values()))}
        curves_plot(folder / "noise.png", curves, "voices in noise, both never heard", "signal to noise, dB", "UAR")
    for corpus, found in measured["corpora"].items():
        matrix = np.array(found[kind]["confusion"])
        confusion_plot(
            folder / f"without-{corpus}.png", matrix, found[kind]["emotions"], f"never met: {corpus}, {kind}"
        )


def speech_markdown(measured: dict[str, Any]) -> str:
    """The figures as Markdown tables."""
    kind = label_of(measured["scheme"])
    lines = ["# Speech emotion: voices never heard", ""]
    if measured["folds"]:
        lines += _fold_lines(measured["folds"], kind)
    for activity, values in measured["device"].items():
        lines += [
            "",
            f"As a device hears them, {activity} before the model, {values['count']} sentences, each once: mean UAR "
            f"{_percent(values['uar_mean'])} (spread {_percent(values['uar_std'])}), accuracy "
            f"{_percent(values['accuracy'])}, ECE {_percent(values['ece'])}; {values['never_observed']} never "
            f"observed. Events told an emotion for {_percent(values['told'])}, the right one at last for "
            f"{_percent(values['told_right'])} of those.",
        ]
    if measured["snr_db"]:
        lines += ["", "| Noise behind the voice | UAR |", "|---|---|"]
        lines += [f"| {snr} dB | {_percent(value)} |" for snr, value in measured["snr_db"].items()]
    if measured["noise"]:
        lines += ["", "| Noise alone | Time | Observations an hour | Emotions an hour |", "|---|---|---|---|"]
        for activity, values in measured["noise"].items():
            rates = f"{values['observations_per_hour']} | {values['events_per_hour']}"
            lines.append(f"| {activity} | {values['seconds'] / 60:.0f} min | {rates} |")
    if measured["corpora"]:
        lines += ["", f"| Corpus never met | Shared emotions | Clips | UAR, {kind} | UAR, float | Chance | ECE |"]
        lines.append("|---|---|---|---|---|---|---|")
        for corpus, found in measured["corpora"].items():
            values = found[kind]
            shares = (values["uar"], found["float"]["uar"], values["chance"], values["ece"])
            cells = " | ".join(_percent(share) for share in shares)
            lines.append(f"| {corpus} | {', '.join(values['emotions'])} | {values['count']} | {cells} |")
    return "\n".join(lines) + "\n"


def _fold_lines(folds: dict[str, Any], kind: str) -> list[str]:
    lines = [
        "| Folds of actors | UAR, 7 classes | Spread | Accuracy | ECE | UAR, 8 classes | Accuracy, 8 classes |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in folds.items():
        wanted = ("uar_mean", "uar_std", "accuracy", "ece", "uar_with_calm_mean", "accuracy_with_calm")
        lines.append(f"| {name} | " + " | ".join(_percent(values.get(key)) for key in wanted) + " |")
    values = folds[kind]
    lines += ["", f"UAR of each fold, {kind}: {', '.join(_percent(value) for value in values['uar_folds'])}.", ""]
    lines += ["| true \\ said |" + " | ".join(EMOTIONS) + " |", "|---" * (len(EMOTIONS) + 1) + "|"]
    for emotion, row in zip(EMOTIONS, values["confusion"], strict=True):
        lines.append(f"| {emotion} | " + " | ".join(map(str, row)) + " |")
    return lines


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
