"""The demo does the main job by itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.demo.clip import FPS, SECONDS, write_clip

VIDEO = Path(__file__).parents[2].parent / "shared" / "data" / "av" / "bbaf2n.mpg"


def demo(*arguments: str | Path | int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "demo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What it said on stderr, but for the remark of a machine that has other work to do."""
    return [line for line in done.stderr.splitlines() if "WARNING too little CPU for" not in line]


def test_its_own_clip():
    done = demo()
    assert (done.returncode, complaints(done)) == (0, [])
    frames, faces, windows = map(int, re.search(r"(\d+) frames .* (\d+) faces; .* (\d+) windows", done.stdout).groups())
    assert frames == FPS * SECONDS
    assert faces > FPS * SECONDS / 4
    assert windows > 5
    published, received = map(int, re.search(r"(\d+) events published, (\d+) received", done.stdout).groups())
    assert published == received >= 4
    assert "presence.start  face-1" in done.stdout
    assert "presence.end    face-1" in done.stdout
    assert re.search(r"latency p50 \d+ ms, p95 \d+ ms", done.stdout)


@pytest.mark.skipif(not VIDEO.is_file(), reason="shared/data/av is not here")
def test_another_clip():
    done = demo("--clip", VIDEO)
    assert (done.returncode, complaints(done)) == (0, [])
    assert "presence.start" in done.stdout


def test_live_runs_the_configured_camera_and_microphone_for_so_long(tmp_path: Path):
    clip, config = tmp_path / "clip.mkv", tmp_path / "config.toml"
    write_clip(clip, seconds=4)
    sections = [f'[{name}]\nsource = "file:{clip}"\n' for name in ("camera", "microphone")]
    config.write_text("".join([*sections, "[replay]\nrepeat = true\n"]), encoding="utf-8")
    done = demo("--live", "--seconds", 5, "--config", config)
    assert (done.returncode, complaints(done)) == (0, [])
    assert "camera and microphone for 5 s" in done.stdout
    frames, sound_s = re.search(r"(\d+) frames .* faces; ([\d.]+) s of sound", done.stdout).groups()
    assert int(frames) > 0
    assert float(sound_s) > 0
    published, received = map(int, re.search(r"(\d+) events published, (\d+) received", done.stdout).groups())
    assert published == received


def test_ctrl_c_ends_it_in_order_and_leaves_nothing_behind(tmp_path: Path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "edge", "demo"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as child:
        said = ""
        while "presence.start" not in said:
            said += child.stdout.readline()
        child.send_signal(signal.SIGINT)
        said += child.stdout.read()
    assert child.returncode == 0
    assert "events published" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_is_not_there(tmp_path: Path):
    done = demo("--clip", tmp_path / "none.mp4")
    assert (done.returncode, done.stderr) == (1, f"{tmp_path}/none.mp4: expected a video file, found none\n")
