"""The page of a batch, from results as they lie on the disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge.analyze import report
from edge.analyze.report import collect, write_report
from edge.analyze.summary import Summary


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A talk, a silent film in a folder of a folder, and a file that could not be read; and what is no result."""
    told = [
        Summary(
            "/in/talk.mp4",
            "talk",
            kind="video",
            length_s=90.0,
            took_s=9.0,
            faces=2,
            shares={"face": {"sad": 0.9}, "fused": {"happy": 0.75, "sad": 0.25}},
            outputs=["timeline.csv", "a & b.mp4"],
        ),
        Summary("/in/films/old.mp4", "films/old", kind="video", length_s=30.0, took_s=60.0, remarks=["no sound"]),
        Summary("/in/<cut>.mp4", "cut", failure="moov atom <not> found"),
    ]
    for summary in told:
        folder = tmp_path / summary.folder
        folder.mkdir(parents=True)
        summary.write(folder)
    (tmp_path / "talk" / "timeline.svg").write_text("<svg><title>talk</title></svg>")
    (tmp_path / "talk" / "picture.jpg").write_bytes(b"\xff\xd8 a picture")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "summary.json").write_text('{"no": "summary of ours"}')
    return tmp_path


def text(page: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.S).split())


def test_all_results_below_a_folder_are_found_in_the_order_of_their_files(out) -> None:
    assert [summary.folder for summary in collect(out)] == ["cut", "films/old", "talk"]


def test_the_page_tells_what_each_file_gave_and_what_failed(out) -> None:
    page = write_report(out).read_text(encoding="utf-8")
    words = text(page)
    assert words.startswith("Apparent emotion: 3 files Apparent emotion in 3 files 2:00 of recordings.")
    assert "1 could not be read, or not to the end." in words
    assert "happy 0.75 10.0×" in words  # what was fused counts, not one sense alone
    assert "0.5× no sound" in words
    assert "moov atom &lt;not&gt; found" in page
    assert "<not>" not in page
    assert page.count("<svg>") == 1  # our own drawing, as it is
    assert page.count('<img src="data:image/jpeg;base64,') == 1
    assert 'href="talk/a%20%26%20b.mp4"' in page
    assert sorted(path.name for path in out.glob("*report*")) == [".report.lock", "report.html"]


def test_of_a_large_batch_the_table_has_all_and_the_first_are_shown(out, monkeypatch) -> None:
    monkeypatch.setattr(report, "_SHOWN", 2)
    page = write_report(out).read_text(encoding="utf-8")
    assert page.count("<section ") == 2
    assert page.count("<tr><td>") == 3
    assert "Pictures and timelines of the first 2 files follow" in page
    assert "<svg>" not in page  # the talk is the third


def test_a_batch_without_results_is_a_page_too(tmp_path) -> None:
    assert "Apparent emotion in 0 files" in text(write_report(tmp_path).read_text(encoding="utf-8"))
