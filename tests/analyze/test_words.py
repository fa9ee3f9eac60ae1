"""Words in a recording: judged beside face and voice, and written down only when that was asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.analyze.inputs import Input
from edge.analyze.one_file import Job, Models, analyze_file
from edge.config import Config, TextConfig


@pytest.mark.parametrize("told", [False, True])
def test_what_is_said_is_judged_and_told_only_if_asked_for(tmp_path: Path, packs, told: bool):
    """RAVDESS: "Kids are talking by the door"."""
    pytest.importorskip("pocketsphinx", reason="needs pocketsphinx: pip install 'emotion-edge[words]'")
    sentence = packs("ravdess") / "03-01-03-01-01-01-01.flac"
    config = replace(Config(), text=TextConfig(enabled=True, publish_words=told))
    job = Job(config, tmp_path, video=False, made_with="test")
    summary = analyze_file(Input(sentence, Path("said.flac")), job, Models(config), lambda share, seconds: None)
    assert summary.failure == ""
    records = (tmp_path / "said.flac" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    (text,) = [line for line in map(json.loads, records) if line["kind"] == "text"]
    assert text.get("words") == ("kids are talking by the door" if told else None)
    assert "text" in summary.shares
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert (b"talking" in written) == told
    assert b">text<" in (tmp_path / "said.flac" / "timeline.svg").read_bytes()
