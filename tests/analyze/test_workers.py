"""A process that is brought down by a file costs that file only."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from edge.analyze.inputs import Input
from edge.analyze.one_file import Job
from edge.analyze.workers import analyze_all
from edge.config import Config


def test_a_crash_is_told_and_the_rest_goes_on(tmp_path: Path, clip: Path, portrait: Path):
    job = Job(Config(), tmp_path / "out", video=False, made_with="test")
    killed: list[int] = []

    def tell(item: Input, share: float, seconds: float) -> None:
        if not killed:  # as a decoder does that meets its own bug
            (child,) = [p for p in psutil.Process().children() if "spawn_main" in " ".join(p.cmdline())]
            killed.append(child.pid)
            os.kill(child.pid, signal.SIGSEGV)

    items = [Input(clip, Path("clip.mkv")), Input(portrait, Path("astronaut.png"))]
    crashed, good = analyze_all(items, job, 1, tell)
    assert "brought the process down (signal SIGSEGV)" in crashed.failure
    assert (good.failure, good.faces) == ("", 1)
