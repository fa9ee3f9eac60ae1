"""Pace, repetition and reopening, on a real clip."""

import threading
import time

import numpy as np
import pytest

from edge.capture import camera_source, microphone_source
from edge.config import CameraConfig, MicrophoneConfig, ReplayConfig
from edge.errors import CaptureError
from tests.capture.recordings import FAST, FPS, is_burst, write_clip


def camera_of(path, replay, origin_ns=0):
    return camera_source(CameraConfig(source=f"file:{path}", fps=FPS), replay, origin_ns)


def microphone_of(path, replay, origin_ns=0):
    return microphone_source(MicrophoneConfig(source=f"file:{path}"), replay, origin_ns)


def test_real_pace_gives_each_piece_at_its_time(clip):
    origin_ns = time.monotonic_ns() + 100_000_000
    camera, microphone = (kind(clip, ReplayConfig(), origin_ns) for kind in (camera_of, microphone_of))
    late_ms = []
    camera.open()
    microphone.open()
    for _ in range(12):
        frame = camera.read()
        late_ms.append((time.monotonic_ns() - frame.captured_ns) / 1e6)
    for _ in range(30):
        chunk = microphone.read()  # sound is there when its last sample was heard
        late_ms.append((time.monotonic_ns() - chunk.end_ns) / 1e6)
    camera.close()
    microphone.close()
    assert frame.captured_ns == origin_ns + 440_000_000
    assert min(late_ms) >= 0
    assert np.median(late_ms) < 20


def test_close_from_another_thread_ends_a_wait(clip):
    camera = camera_of(clip, ReplayConfig(), time.monotonic_ns() + 60_000_000_000)
    camera.open()
    threading.Timer(0.1, camera.close).start()
    began = time.monotonic()
    with pytest.raises(CaptureError, match="closed while it was being read"):
        camera.read()
    assert time.monotonic() - began < 5
    with pytest.raises(CaptureError, match="open it before reading"):
        camera.read()


def test_repeated_picture_and_sound_stay_in_step(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", seconds=1.0)
    replay = ReplayConfig(pace="fast", repeat=True)
    camera, microphone = camera_of(path, replay), microphone_of(path, replay)
    camera.open()
    microphone.open()
    frames = [camera.read() for _ in range(200)]
    chunks = [microphone.read() for _ in range(250)]
    camera.close()
    microphone.close()
    times = np.array([frame.captured_ns for frame in frames])
    assert (np.diff(times) > 0).all()
    assert [frame.sequence for frame in frames] == list(range(200))
    assert (np.diff([chunk.start_ns for chunk in chunks]) > 0).all()
    # One turn lasts what its longer stream does; the pattern is in step in the eighth turn as in the first.
    turn_ns = int(times[25] - times[0])
    assert 1_000_000_000 <= turn_ns < 1_050_000_000
    assert times[175] - times[0] == 7 * turn_ns
    for frame in frames:
        assert (frame.image[10, 10, 0] > 128) == is_burst((frame.captured_ns % turn_ns) / 1e9)
    loud = [chunk for chunk in chunks if chunk.samples.std() > 0.2]
    assert len(loud) > 30
    for chunk in loud:
        assert is_burst(((chunk.start_ns + 16_000_000) % turn_ns) / 1e9)


def test_opened_again_a_fast_replay_goes_on_where_it_was(clip):
    camera = camera_of(clip, FAST)
    camera.open()
    before = [camera.read() for _ in range(10)]
    camera.close()
    camera.open()
    after = camera.read()
    camera.close()
    assert after.captured_ns == before[-1].captured_ns + 40_000_000
    assert after.sequence == 10


@pytest.mark.parametrize("repeat", [False, True])
def test_opened_again_a_replay_in_real_time_goes_on_where_it_would_be(clip, repeat):
    origin_ns = time.monotonic_ns() - 1_000_000_000
    camera = camera_of(clip, ReplayConfig(repeat=repeat), origin_ns)
    camera.open()
    assert camera.read().captured_ns == origin_ns  # the first time nothing is left out
    camera.close()
    camera.open()
    now_ns = time.monotonic_ns()
    frame = camera.read()
    camera.close()
    assert abs(frame.captured_ns - now_ns) < 500_000_000
