"""What is found, written as it is found: JSON Lines with everything, tables for a spreadsheet or a notebook."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from edge.analyze.walk import Step
from edge.config import DeviceConfig
from edge.publish import payloads
from edge.records import EMOTIONS, modality_of

_DEVICE = DeviceConfig(id="analyze")
# What a payload says of a device and of the network's time says nothing about a file.
_OF_A_DEVICE = {"schema", "id", "device", "place", "time", "late", "latency_ms", "since", "clock_synchronized"}
_PROBABILITIES = [f"p_{emotion}" for emotion in EMOTIONS]
#: timeline.csv: one row for each face in each frame, each window of speech, each utterance with words, and the fused
#: estimate ten times a second.
TIMELINE = [
    *("time_s", "sense", "subject", "emotion", "confidence", "valence", "arousal", "quality", "agreement"),
    *("detection_score", "x_px", "y_px", "width_px", "height_px", "speech_ratio"),
    *_PROBABILITIES,
]
#: events.csv: one row an event.
EVENTS = [
    *("time_s", "sequence", "type", "subject", "emotion", "confidence", "previous", "duration_ms"),
    *("valence", "arousal", "agreement"),
    *_PROBABILITIES,
]
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_WORDS = {"sense", "subject", "emotion", "type", "previous"}


def lines(step: Step, sequence: int) -> Iterator[dict[str, Any]]:
    """What a step found, in the words of docs/mqtt.md; `sequence` is the number of its first event.

    Each has its `kind` (face, speech, text, fused or event) and its `time_s` from the beginning of the file.
    """
    for observation in step.observations:
        body = payloads.observation(observation, _DEVICE, offset_ns=0)
        yield _line(modality_of(observation), step.time_ns, body)
    for number, event in enumerate(step.events, start=sequence):
        body = payloads.event(event, _DEVICE, sequence=number, event_id="", offset_ns=0, latency_ms=0)
        yield _line("event", event.estimate.time_ns, body)
    if step.estimate:
        body = payloads.state(step.estimate, step.people, _DEVICE, now_ns=step.time_ns, offset_ns=0)
        yield _line("fused", step.time_ns, body)


def row(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line as a flat row of TIMELINE or EVENTS."""
    found = {f"p_{emotion}": p for emotion, p in line["probabilities"].items()}
    best = max(line["probabilities"], key=line["probabilities"].get)
    flat = {**line, **line.get("box", {}), **found}
    if line["kind"] in ("face", "speech", "text"):
        flat.update(emotion=best, confidence=line["probabilities"][best])
    return {**flat, "sense": line["kind"]}


class Tables:
    """records.jsonl, timeline.csv and events.csv in `folder`, and the same as Parquet where pyarrow is installed."""

    def __init__(self, folder: Path) -> None:
        self.events = 0
        self._folder = folder
        with ExitStack() as opening:
            self._records = self._open(opening, "records.jsonl")
            self._timeline = self._table(opening, "timeline.csv", TIMELINE)
            self._events = self._table(opening, "events.csv", EVENTS)
            self._stack = opening.pop_all()

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)
        if error is None:
            _write_parquet(self._folder / "timeline.csv", TIMELINE)
            _write_parquet(self._folder / "events.csv", EVENTS)

    def add(self, step: Step) -> None:
        """Write what this step found."""
        for line in lines(step, self.events + 1):
            self._records.write(_ENCODE(line) + "\n")
            (self._events if line["kind"] == "event" else self._timeline).writerow(row(line))
        self.events += len(step.events)

    def _open(self, stack: ExitStack, name: str) -> TextIO:
        return stack.enter_context((self._folder / name).open("w", encoding="utf-8", newline=""))

    def _table(self, stack: ExitStack, name: str, columns: list[str]) -> csv.DictWriter[str]:
        writer = csv.DictWriter(self._open(stack, name), columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        return writer


def _write_parquet(table: Path, columns: list[str]) -> None:
    """The CSV file `table` once more as Parquet, where pyarrow is installed; block by block, however long it is.

    Not from Python's own lists: for those pyarrow imports pandas where that is installed, in half a second.
    """
    try:
        import pyarrow as pa
        from pyarrow.csv import ConvertOptions, ReadOptions, open_csv
        from pyarrow.parquet import ParquetWriter
    except ImportError:
        return
    whole = {"sequence", "duration_ms"}
    kinds = {name: pa.string() if name in _WORDS else pa.int64() if name in whole else pa.float64() for name in columns}
    read = open_csv(
        table,
        ReadOptions(use_threads=False),
        convert_options=ConvertOptions(column_types=kinds, strings_can_be_null=True),
    )
    with read, ParquetWriter(table.with_suffix(".parquet"), pa.schema(list(kinds.items()))) as parquet:
        for batch in read:
            parquet.write_batch(batch)


def _line(kind: str, time_ns: int, body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key not in _OF_A_DEVICE}
    return {"kind": kind, "time_s": round(time_ns / 1e9, 3), **kept}
