"""Files that cannot be used: one CaptureError that says why, never an error of the library."""

import logging
import sys
from itertools import pairwise

import pytest

from edge.capture import camera_source, microphone_source
from edge.capture.video_file import VideoFile
from edge.config import CameraConfig, MicrophoneConfig
from edge.errors import CaptureError
from tests.capture.recordings import FAST, read_all, write_clip


def camera_of(path):
    return camera_source(CameraConfig(source=f"file:{path}", fps=25), FAST, 0)


def microphone_of(path):
    return microphone_source(MicrophoneConfig(source=f"file:{path}"), FAST, 0)


@pytest.mark.parametrize("source_of", [camera_of, microphone_of])
def test_a_file_that_is_missing_empty_a_folder_or_no_media(source_of, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is not a video\n" * 100)
    (tmp_path / "folder.mp4").mkdir()
    for name, why in (
        ("missing.mp4", "No such file"),
        ("empty.mp4", "empty"),
        ("text.mp4", "FFmpeg can read: Invalid data"),
        ("folder.mp4", "FFmpeg can read: "),
    ):
        source = source_of(tmp_path / name)
        with pytest.raises(CaptureError, match=rf"file:.*{name}: expected a video or sound file.*{why}"):
            source.open()
        source.close()


def test_a_stream_that_is_not_there(tmp_path, tone_wav):
    silent = write_clip(tmp_path / "silent.mp4", seconds=0.2, sound=False)
    with pytest.raises(CaptureError, match=r"expected sound, the file holds picture only.*\[microphone\]"):
        microphone_of(silent).open()
    assert len(read_all(camera_of(silent))) == 5
    with pytest.raises(CaptureError, match=r"expected picture, the file holds sound only.*\[camera\]"):
        camera_of(tone_wav()).open()


def test_damaged_packets_are_skipped_with_a_count(tmp_path, caplog):
    path = write_clip(tmp_path / "clip.mkv", seconds=2.0)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3_000] = b"\xa5" * 3_000
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        chunks = read_all(microphone_of(path))
        frames = read_all(camera_of(path))
    assert 20 < len(frames) <= 50
    assert 20 < len(chunks) <= 64
    times = [frame.captured_ns for frame in frames]
    assert times == sorted(times)


def test_a_file_cut_off_gives_what_is_there(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", seconds=2.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 10 < len(read_all(camera_of(path))) < 50


def test_without_the_library_the_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(CaptureError, match=r"pip install 'emotion-edge\[files\]'"):
        camera_of(tmp_path / "clip.mp4").open()


def test_recordings_laid_end_to_end_follow_each_other(tmp_path):
    """A .ts may be joined by `cat`: the times of its second part begin again."""
    part = write_clip(tmp_path / "part.ts", seconds=3.0).read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part * 2)
    frames = read_all(camera_of(joined))
    assert len(frames) == 150
    gaps = [after.captured_ns - before.captured_ns for before, after in pairwise(frames)]
    assert max(abs(gap - 40_000_000) for gap in gaps) < 1_000_000
    chunks = read_all(microphone_of(joined))
    assert chunks[-1].start_ns == pytest.approx(frames[-1].captured_ns, abs=100_000_000)
    assert VideoFile(joined, 25).length_ns() == pytest.approx(6_000_000_000, abs=100_000_000)
