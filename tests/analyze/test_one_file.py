"""One file, without processes around it: what is written, what is said."""

from __future__ import annotations

import os
import signal
import wave
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from edge.analyze.inputs import Input
from edge.analyze.one_file import Job, Models, Tell, analyze_file
from edge.analyze.summary import Summary
from edge.config import CameraConfig, Config
from edge.demo.clip import synthetic_voice, write_clip
from edge.service.models import LoadedModels
from tests.analyze.conftest import Spawned


def analyzed(
    path: Path,
    out: Path,
    loaded: LoadedModels,
    config: Config | None = None,
    alongside: bool = False,
    video: bool = False,
    tell: Tell = lambda share, seconds: None,
) -> Summary:
    job = Job(config or Config(), out, video=video or alongside, made_with="test", alongside=alongside)
    models = Models(job.config)
    models.loaded = loaded
    return analyze_file(Input(path, Path(path.name)), job, models, tell)


def wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def test_sound_alone(tmp_path: Path, loaded: LoadedModels):
    summary = analyzed(wav(tmp_path / "voice.wav", synthetic_voice(4)), tmp_path / "out", loaded)
    assert (summary.kind, summary.frames, summary.failure, summary.remarks) == ("sound", 0, "", [])
    assert summary.speech_observations > 3
    assert set(summary.shares) == {"speech", "fused"}
    assert "picture.jpg" not in summary.outputs


def test_a_process_more_and_a_drawn_video_change_nothing_of_what_is_found(
    tmp_path: Path, loaded: LoadedModels, spawned: Spawned
):
    clip = tmp_path / "clip.mkv"
    write_clip(clip, 21, (320, 240))
    config = replace(Config(), camera=CameraConfig(fps=6))  # so that some pictures are only drawn
    alone = analyzed(clip, tmp_path / "alone", loaded, config)
    used: set[int] = set()
    beside = analyzed(
        clip,
        tmp_path / "beside",
        loaded,
        config,
        alongside=True,
        tell=lambda *_: used.update(process.pid for process in spawned()),
    )
    assert len(used) == 1
    drawn = analyzed(clip, tmp_path / "drawn", loaded, config, video=True)
    assert [(each.failure, each.frames, each.faces) for each in (alone, beside, drawn)] == [("", 126, 1)] * 3
    found = [(tmp_path / each / clip.name / "records.jsonl").read_text() for each in ("alone", "beside", "drawn")]
    assert found[0] == found[1] == found[2]
    videos = [(tmp_path / each / clip.name / "annotated.mp4").read_bytes() for each in ("beside", "drawn")]
    assert videos[0] == videos[1]
    with av.open(str(tmp_path / "drawn" / clip.name / "annotated.mp4")) as made:
        assert sum(1 for _ in made.decode(video=0)) == 315


def test_where_the_process_that_looks_is_brought_down_the_sound_goes_on_and_no_stale_face_is_drawn(
    tmp_path: Path, loaded: LoadedModels, spawned: Spawned
):
    clip = tmp_path / "clip.mkv"
    write_clip(clip, 40, (320, 240))
    killed: list[float] = []

    def kill(share: float, seconds: float) -> None:
        if not killed and seconds > 3:
            killed.append(seconds)
            os.kill(spawned()[0].pid, signal.SIGKILL)

    summary = analyzed(clip, tmp_path / "out", loaded, alongside=True, tell=kill)
    assert "(signal SIGKILL); memory has probably run out" in summary.failure
    assert summary.remarks == []
    assert summary.length_s == pytest.approx(40, abs=0.2)
    with av.open(str(tmp_path / "out" / clip.name / "annotated.mp4")) as made:
        assert sum(1 for _ in made.decode(video=0)) == summary.frames < 600


def test_silence(tmp_path: Path, loaded: LoadedModels):
    summary = analyzed(wav(tmp_path / "silence.wav", np.zeros(32_000)), tmp_path / "out", loaded)
    assert (summary.events, summary.remarks) == (0, ["no speech found"])


def test_a_sense_that_is_off_is_not_missed(tmp_path: Path, clip: Path, loaded: LoadedModels):
    config = replace(Config(), camera=CameraConfig(enabled=False))
    summary = analyzed(clip, tmp_path / "out", loaded, config)
    assert (summary.face_observations, summary.remarks) == (0, [])
    assert summary.speech_observations > 3


def test_one_picture_is_enough_for_a_face(tmp_path: Path, portrait: Path, loaded: LoadedModels):
    summary = analyzed(portrait, tmp_path / "out", loaded, video=True)
    assert (summary.kind, summary.faces, summary.failure) == ("image", 1, "")
    assert max(summary.shares["face"], key=summary.shares["face"].__getitem__) == "happy"
    assert {"annotated.jpg", "picture.jpg"} <= set(summary.outputs)


def test_without_video_no_picture_is_kept(tmp_path: Path, clip: Path, portrait: Path, loaded: LoadedModels):
    for path in (clip, portrait):
        summary = analyzed(path, tmp_path / "out", loaded)
        assert summary.faces == 1
        assert not [name for name in summary.outputs if name.endswith((".jpg", ".mp4"))]


def test_what_is_no_picture_fails_with_a_reason(tmp_path: Path, loaded: LoadedModels):
    (tmp_path / "a.png").write_text("hello")
    assert "cannot be read as one" in analyzed(tmp_path / "a.png", tmp_path / "out", loaded).failure


def test_results_that_cannot_be_written_are_a_failure_not_a_crash(tmp_path: Path, portrait: Path, loaded: LoadedModels):
    (tmp_path / "out").write_text("a file where a folder should be")
    assert "Not a directory" in analyzed(portrait, tmp_path / "out", loaded).failure
