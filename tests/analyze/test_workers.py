"""A process that is brought down by a file costs that file only."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from edge.analyze.inputs import Input
from edge.analyze.one_file import Job
from edge.analyze.workers import analyze_all
from edge.config import Config, FaceConfig
from edge.demo.clip import write_clip
from edge.errors import ModelError
from tests.analyze.conftest import Spawned


def test_a_crash_is_told_and_the_rest_goes_on(tmp_path: Path, clip: Path, portrait: Path, spawned: Spawned):
    job = Job(Config(), tmp_path / "out", video=False, made_with="test")
    killed: list[int] = []

    def tell(item: Input, share: float, seconds: float) -> None:
        if not killed:  # as a decoder does that meets its own bug
            (child,) = spawned()
            killed.append(child.pid)
            os.kill(child.pid, signal.SIGSEGV)

    items = [Input(clip, Path("clip.mkv")), Input(portrait, Path("astronaut.png"))]
    crashed, good = analyze_all(items, job, 1, tell)
    assert "brought the process down (signal SIGSEGV)" in crashed.failure
    assert (good.failure, good.faces) == ("", 1)


def test_who_looks_beside_a_worker_begins_with_what_that_has_imported(tmp_path: Path, spawned: Spawned):
    clip = tmp_path / "clip.mkv"
    write_clip(clip, 30, (320, 240))
    used: dict[int, list[str]] = {}

    def tell(item: Input, share: float, seconds: float) -> None:
        with suppress(psutil.NoSuchProcess):
            used.update({process.pid: process.cmdline() for process in spawned()})

    found = []
    for name in ("alone", "alongside"):
        job = Job(Config(), tmp_path / name, video=True, made_with="test", alongside=name == "alongside")
        used.clear()
        (summary,) = analyze_all([Input(clip, Path("clip.mkv"))], job, 1, tell)
        assert (summary.failure, summary.faces) == ("", 1)
        found.append((tmp_path / name / "clip.mkv" / "records.jsonl").read_text())
        assert len(used) == 1 + job.alongside
        assert len({" ".join(command) for command in used.values()}) == 1  # of a fork that of its parent
    assert found[0] == found[1]


def test_a_model_that_cannot_be_used_ends_the_batch(tmp_path: Path, clip: Path, spawned: Spawned):
    job = Job(replace(Config(), face=FaceConfig(model="nobody")), tmp_path / "out", video=True, made_with="test")
    with pytest.raises(ModelError, match="nobody"):
        [*analyze_all([Input(clip, Path("clip.mkv"))], job, 1, lambda *_: None)]
    assert not spawned()
