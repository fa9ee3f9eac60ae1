"""A batch as a person runs it: the command, its exit code, its report."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from edge.analyze.report import collect
from edge.demo.clip import write_clip


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture
def mixed(tmp_path: Path, clip: Path, portrait: Path, faceless: Path) -> Path:
    """Good, faceless, damaged and strangely named files."""
    folder = tmp_path / "in"
    (folder / "ümläut 表情").mkdir(parents=True)
    shutil.copy(clip, folder / "ümläut 表情" / "a clip & <b>'.mkv")
    shutil.copy(portrait, folder / "astronaut.png")
    shutil.copy(faceless, folder / "coins.jpg")
    (folder / "cut.mp4").write_bytes(b"\0\0\0\x20ftypisom" + os.urandom(4000))
    (folder / "empty.wav").write_bytes(b"")
    return folder


def test_bad_files_are_reported_and_the_batch_goes_on(mixed: Path, tmp_path: Path):
    out = tmp_path / "results"
    done = analyze(mixed, "--out", out, "--jobs", "2")
    assert done.returncode == 1
    assert "5 files in" in done.stdout
    assert f"failed: {mixed}/empty.wav: expected a video or sound file, this one is empty" in done.stdout
    by_name = {Path(summary.file).name: summary for summary in collect(out)}
    assert by_name["coins.jpg"].remarks == ["no face found"]
    assert by_name["astronaut.png"].faces == 1
    talk = by_name["a clip & <b>'.mkv"]
    assert (talk.kind, talk.faces >= 1, talk.speech_observations > 3, talk.failure) == ("video", True, True, "")
    assert {"annotated.mp4", "timeline.svg", "records.jsonl", "timeline.csv", "events.csv"} <= set(talk.outputs)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "a clip &amp; &lt;b&gt;&#39;.mkv" in page
    assert "expected a video or sound file, this one is empty" in page
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)  # nothing from a network
    for link in re.findall(r'href="([^"#]+)"', page):
        from urllib.parse import unquote

        assert (out / unquote(link)).is_file()


def test_a_second_run_does_what_is_left(mixed: Path, tmp_path: Path):
    out = tmp_path / "results"
    (mixed / "ümläut 表情" / "a clip & <b>'.mkv").unlink()
    first = json.loads(analyze(mixed, "--out", out, "--json").stdout)
    assert (first["files"], first["analyzed"], len(first["failed"])) == (4, 4, 2)
    (mixed / "cut.mp4").unlink()
    (mixed / "empty.wav").unlink()
    again = analyze(mixed, "--out", out, "--json")
    assert (again.returncode, json.loads(again.stdout)["analyzed"]) == (0, 0)
    os.utime(mixed / "coins.jpg", (1, 1))  # another file now, for all we know
    assert json.loads(analyze(mixed, "--out", out, "--json").stdout)["analyzed"] == 1
    assert json.loads(analyze(mixed, "--out", out, "--json", "--again").stdout)["analyzed"] == 2


def test_shards_share_one_report(mixed: Path, tmp_path: Path):
    out = tmp_path / "results"
    (mixed / "ümläut 表情" / "a clip & <b>'.mkv").unlink()
    counts = [json.loads(analyze(mixed, "--out", out, "--json", "--shard", f"{k}/2").stdout)["files"] for k in (1, 2)]
    assert counts == [2, 2]
    assert "in 4 files" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing_half_done(tmp_path: Path, how: signal.Signals):
    out = tmp_path / "results"
    write_clip(tmp_path / "clip.mkv", 60, (320, 240))
    command = [sys.executable, "-m", "edge", "analyze", str(tmp_path / "clip.mkv"), "--out", str(out), "--jobs", "2"]
    running = subprocess.Popen(command)
    records = out / "clip.mkv" / "records.jsonl"
    for _ in range(600):
        if records.exists() and "face" in records.read_text():  # the second process is at work
            break
        time.sleep(0.05)
    processes = [p for p in psutil.Process(running.pid).children(recursive=True) if "spawn_main" in str(p.cmdline())]
    running.send_signal(how)
    assert running.wait(20) == (1 if how == signal.SIGTERM else -signal.SIGKILL)
    assert len(processes) == 2
    assert not psutil.wait_procs(processes, timeout=20)[1]
    assert collect(out) == []
    assert not (out / "clip.mkv" / "picture.jpg").exists()


def test_wrong_usage_says_what_to_do(tmp_path: Path):
    assert (missing := analyze(tmp_path / "none.mp4")).returncode == 2
    assert "do not exist" in missing.stderr
    assert (wrong := analyze(tmp_path, "--shard", "3/2")).returncode == 2
    assert "expected K/N with K from 1 to N" in wrong.stderr
