"""What is written: in the words of the MQTT reference, the same in every form."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.analyze.seeing import seen
from edge.analyze.tables import EVENTS, TIMELINE, Tables
from edge.analyze.walk import media, steps
from edge.config import Config
from edge.records import EMOTIONS
from edge.service.models import LoadedModels
from edge.service.pipeline import build_pipeline


@pytest.fixture(scope="module")
def folder(clip: Path, loaded: LoadedModels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    with Tables(folder) as tables:
        pipeline = build_pipeline(Config(), loaded=loaded)
        for step in steps(pipeline, media(clip, seen(clip, 15, pipeline.face), True, lambda why: None)):
            tables.add(step)
    return folder


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_line_is_an_object_with_its_time_and_kind(folder: Path):
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["kind"] for line in lines} == {"face", "speech", "fused", "event"}
    assert all(0 <= line["time_s"] <= 7 for line in lines)
    assert [line["sequence"] for line in lines if line["kind"] == "event"] == list(
        range(1, 1 + sum(line["kind"] == "event" for line in lines))
    )
    face = next(line for line in lines if line["kind"] == "face")
    assert set(face["probabilities"]) == set(EMOTIONS)
    assert face["box"]["width_px"] > 50


def test_the_lines_are_what_the_schemas_say(folder: Path, validators):
    of_a_device = {"schema": 1, "device": "d", "place": "", "time": "2026-01-01T00:00:00.000Z"}
    schemas = {"face": "observation-face", "speech": "observation-speech", "event": "event", "fused": "state"}
    more = {
        "event": {"id": "01890a5d-ac96-774b-bcce-b302099a8057", "late": False, "latency_ms": 0},
        "fused": {"since": of_a_device["time"]},
    }
    for text in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        kind = line.pop("kind")
        del line["time_s"]
        validators[schemas[kind]].validate({**of_a_device, **more.get(kind, {}), **line})


def test_the_tables_hold_what_the_lines_hold(folder: Path):
    lines = [json.loads(line) for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    timeline, events = read(folder / "timeline.csv"), read(folder / "events.csv")
    assert [row["sense"] for row in timeline] == [line["kind"] for line in lines if line["kind"] != "event"]
    assert [row["type"] for row in events] == [line["type"] for line in lines if line["kind"] == "event"]
    for row in timeline:
        assert sum(float(row[f"p_{emotion}"]) for emotion in EMOTIONS) == pytest.approx(1, abs=1e-3)


def test_parquet_holds_the_same(folder: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for name, columns in (("timeline", TIMELINE), ("events", EVENTS)):
        table = parquet.read_table(folder / f"{name}.parquet")
        rows = read(folder / f"{name}.csv")
        assert (table.column_names, table.num_rows) == (columns, len(rows))
        assert table["p_happy"].to_pylist() == [float(row["p_happy"]) for row in rows]


def test_where_nothing_was_found_the_tables_have_their_columns_and_no_rows(tmp_path: Path):
    with Tables(tmp_path):
        pass
    assert read(tmp_path / "timeline.csv") == read(tmp_path / "events.csv") == []
    parquet = pytest.importorskip("pyarrow.parquet")
    for name, columns in (("timeline", TIMELINE), ("events", EVENTS)):
        table = parquet.read_table(tmp_path / f"{name}.parquet")
        assert (table.column_names, table.num_rows) == (columns, 0)


def test_no_library_is_imported_for_the_tables_that_they_do_not_need(tmp_path: Path):
    """pandas takes half a second and 50 MB in every process of a batch."""
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    code = f"""
import sys
from pathlib import Path
from edge.analyze.tables import Tables
with Tables(Path({str(tmp_path)!r})):
    pass
print("pandas" in sys.modules, "pyarrow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
