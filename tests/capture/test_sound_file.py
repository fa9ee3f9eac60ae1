import itertools

import numpy as np
import pytest
import soundfile

from edge.capture import CHUNK_SAMPLES, camera_source, microphone_source
from edge.config import CameraConfig, MicrophoneConfig
from tests.capture.recordings import BURST_AT_S, FAST, loudest_hz, read_all, write_clip


def chunks_of(path, origin_ns=0):
    return read_all(microphone_source(MicrophoneConfig(source=f"file:{path}"), FAST, origin_ns))


@pytest.mark.parametrize("name", ["tone.wav", "tone.flac"])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_stereo_tone_becomes_16_khz_mono_and_keeps_its_pitch(tone_wav, name, rate_hz):
    chunks = chunks_of(tone_wav(name, hz=1_234.0, rate_hz=rate_hz), origin_ns=7_000)
    assert len(chunks) == 32  # a second is 31.25 chunks; the last is filled up
    for number, chunk in enumerate(chunks):
        assert chunk.samples.shape == (CHUNK_SAMPLES,)
        assert chunk.samples.dtype == np.float32
        assert chunk.sample_rate_hz == 16_000
        assert chunk.start_ns == 7_000 + number * 32_000_000
    heard = np.concatenate([chunk.samples for chunk in chunks])[:16_000]
    assert loudest_hz(heard) == pytest.approx(1_234, abs=1.5)
    assert heard[2_000:14_000].std() == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_left_and_right_are_mixed(tmp_path):
    left = 0.8 * np.sin(2 * np.pi * 500 * np.arange(16_000) / 16_000)
    soundfile.write(tmp_path / "left.wav", np.stack([left, np.zeros(16_000)], axis=1), 16_000)
    heard = np.concatenate([chunk.samples for chunk in chunks_of(tmp_path / "left.wav")])
    assert 0.3 < np.abs(heard).max() < 0.7


@pytest.mark.parametrize(
    ("name", "sound_delay_s"), [("clip.mp4", 0.0), ("clip.mkv", 0.0), ("late.mp4", 0.7), ("late.mkv", 0.7)]
)
def test_picture_and_sound_of_one_file_are_in_step(tmp_path, name, sound_delay_s):
    path = write_clip(tmp_path / name, seconds=3.0, sound_delay_s=sound_delay_s)
    frames = read_all(camera_source(CameraConfig(source=f"file:{path}", fps=25), FAST, 0))
    bright = np.array([frame.image[10, 10, 0] > 128 for frame in frames])
    seen_s = [frames[at].captured_ns / 1e9 for at in np.flatnonzero(bright[1:] & ~bright[:-1]) + 1]
    assert seen_s == pytest.approx([BURST_AT_S, 1 + BURST_AT_S, 2 + BURST_AT_S])

    chunks = chunks_of(path)
    heard = np.concatenate([chunk.samples for chunk in chunks])
    times_s = np.concatenate([chunk.start_ns / 1e9 + np.arange(CHUNK_SAMPLES) / 16_000 for chunk in chunks])
    loud = np.abs(heard) > 0.1
    onsets = [at for at in np.flatnonzero(loud) if not loud[max(0, at - 1_600) : at].any()]
    for onset, seen in zip(reversed(onsets), reversed(seen_s), strict=False):
        assert times_s[onset] == pytest.approx(seen, abs=0.010)  # a picture lasts 0.040
    assert len(onsets) == (3 if sound_delay_s == 0 else 2)


def test_a_hole_in_the_sound_is_a_jump_in_time(tmp_path):
    """A sound track whose middle second is missing (its packets were never written)."""
    import av

    path = tmp_path / "hole.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for begin in (*range(0, 16_000, 800), *range(32_000, 48_000, 800)):
            frame = av.AudioFrame.from_ndarray(np.full((1, 800), 9_000, np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 16_000, begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    chunks = chunks_of(path)
    gaps = [(after.start_ns - before.end_ns) / 1e6 for before, after in itertools.pairwise(chunks)]
    assert max(gaps) == pytest.approx(1_000 - 24, abs=3)  # the chunk before the hole was filled up with 24 ms
    assert sum(gap != 0 for gap in gaps) == 1
