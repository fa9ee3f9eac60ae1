"""The faces of a recording are the same, whoever looks for them, and what happens to a process is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import psutil
import pytest

from edge.analyze.processes import project_warnings
from edge.analyze.seeing import Seen, seen, seen_beside
from edge.config import Config, FaceConfig
from edge.errors import CaptureError, ModelError
from edge.service.models import LoadedModels
from edge.service.pipeline import build_pipeline
from tests.analyze.conftest import Spawned


def told(pictures: list[Seen]) -> list[tuple[int, list[tuple[int, float, list[float]]]]]:
    return [
        (picture.time_ns, [(face.track_id, face.box.x, face.probabilities.tolist()) for face in picture.faces])
        for picture in pictures
    ]


def torn(clip: Path, path: Path) -> Path:
    """The clip in pictures of their own, one of which is none: its decoder tells so, that of MPEG-4 guesses."""
    with av.open(str(clip)) as opened, av.open(str(path), "w") as output:
        video = output.add_stream("mjpeg", rate=15)
        video.width, video.height, video.pix_fmt = 320, 240, "yuvj420p"
        for number, frame in enumerate(opened.decode(video=0)):
            for packet in video.encode(frame):
                bad = av.Packet(b"\xa5" * packet.size)
                bad.pts, bad.dts, bad.time_base, bad.stream = packet.pts, packet.dts, packet.time_base, video
                output.mux(bad if number == 60 else packet)
    return path


def test_another_process_sees_the_same(tmp_path: Path, clip: Path, loaded: LoadedModels):
    damaged = torn(clip, tmp_path / "damaged.mkv")
    found = []
    with project_warnings() as warnings:
        face = build_pipeline(Config(), loaded=loaded).face
        found.append(told([*seen(damaged, 15, face, tmp_path / "here.jpg")]))
        here = len(warnings)
        with seen_beside(damaged, Config(), tmp_path / "beside.jpg") as pictures:
            found.append(told([*pictures]))
    assert found[0] == found[1]
    assert sum(bool(faces) for _, faces in found[0]) > 30
    assert warnings[:here] == warnings[here:] != []
    assert (tmp_path / "here.jpg").read_bytes() == (tmp_path / "beside.jpg").read_bytes()


def test_a_process_that_is_brought_down_is_told_after_what_it_saw(tmp_path: Path, clip: Path, spawned: Spawned):
    def read() -> None:
        with seen_beside(clip, Config(), tmp_path / "poster.jpg") as pictures:
            got.append(next(pictures))
            (process,) = spawned()
            os.kill(process.pid, signal.SIGSEGV)  # as a decoder does that meets its own bug
            got.extend(pictures)

    got: list[Seen] = []
    with pytest.raises(CaptureError, match=r"clip\.mkv: .*brought the process down \(signal SIGSEGV\)"):
        read()
    assert len(got) >= 1


def test_whoever_has_seen_enough_leaves_no_process(tmp_path: Path, clip: Path, spawned: Spawned):
    with seen_beside(clip, Config(), tmp_path / "poster.jpg") as pictures:
        assert next(pictures).time_ns == 0
    assert not spawned()


def test_why_it_cannot_look_is_told(tmp_path: Path, clip: Path):
    nobody = replace(Config(), face=FaceConfig(model="nobody"))
    with pytest.raises(ModelError, match="nobody"), seen_beside(clip, nobody, tmp_path / "a.jpg") as pictures:
        next(pictures)
    with (
        pytest.raises(CaptureError, match="missing"),
        seen_beside(tmp_path / "missing.mp4", Config(), tmp_path / "a.jpg") as pictures,
    ):
        next(pictures)


def test_a_process_does_not_outlive_who_started_it_and_leaves_no_picture(tmp_path: Path, clip: Path):
    code = f"""
import time
from pathlib import Path
from edge.analyze.seeing import seen_beside
from edge.config import Config
if __name__ == "__main__":
    with seen_beside(Path({str(clip)!r}), Config(), Path({str(tmp_path / "poster.jpg")!r})) as pictures:
        print(next(pictures).time_ns, flush=True)
        time.sleep(100)
"""
    (tmp_path / "parent.py").write_text(code)
    with subprocess.Popen([sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "0\n"
        processes = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    gone, alive = psutil.wait_procs(processes, timeout=20)
    assert gone
    assert not alive
    assert not (tmp_path / "poster.jpg").exists()


def test_the_last_picture_counts_even_if_nobody_looked_at_it(clip: Path):
    pictures = [*seen(clip, 1, None)]
    assert [picture.faces for picture in pictures] == [[]] * 7 + [None]
    assert pictures[-1].time_ns == pytest.approx(89 / 15 * 1e9, rel=1e-3)
