"""Pictures that show what was found, and videos that keep their sound and their time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from edge.analyze.annotate import AnnotatedVideo
from edge.capture.video_file import VideoFile
from edge.palette import COLOURS
from edge.records import EMOTIONS, Box, FaceObservation
from tests.capture.recordings import write_clip


def face(box: Box, emotion: str = "happy") -> FaceObservation:
    probabilities = np.array([0.7 if each == emotion else 0.05 for each in EMOTIONS], np.float32)
    return FaceObservation(3, box, 0.9, 0.9, probabilities, 0)


def test_the_faces_of_a_video_are_drawn_in_its_own_colours(tmp_path: Path, clip: Path):
    """And on a copy: a decoder makes the next pictures from the ones it gave."""
    with AnnotatedVideo(tmp_path / "a.mp4", clip, False) as video:
        pictures = [decoded for _, decoded, _ in VideoFile(clip, 15).pictures()][:3]
        originals = [picture.to_ndarray(format="rgb24") for picture in pictures]
        for number, picture in enumerate(pictures):
            video.add(picture, number * 66_000_000, [face(Box(100, 80, 60, 60))] if number == 1 else [])
        assert (pictures[1].to_ndarray(format="rgb24") == originals[1]).all()
    with av.open(str(tmp_path / "a.mp4")) as made:
        drawn = [frame.to_ndarray(format="rgb24").astype(int) for frame in made.decode(video=0)]
    # The lower edge of the box; H.264 with its noise, and colours for blocks of 2x2 pixels.
    assert np.abs(drawn[1][140, 110:150].mean(axis=0) - COLOURS["happy"]).max() < 60
    unlike = [np.abs(each - original)[60:200, 80:320].mean() for each, original in zip(drawn, originals, strict=True)]
    assert unlike[0] < 8 < unlike[1]
    assert unlike[2] < 8


def picture_of(image: np.ndarray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")


def copied(path: Path, source: Path, sound: bool) -> None:
    with AnnotatedVideo(path, source, sound) as video:
        for time_ns, decoded, _ in VideoFile(source, 15).pictures():
            video.add(picture_of(decoded.to_ndarray(format="rgb24")[:-1]), time_ns, [])  # an odd height


@pytest.mark.parametrize("codec", ["pcm_s16le", "aac", "mp2"])
def test_sound_and_times_are_kept(tmp_path: Path, clip: Path, codec: str):
    source = clip
    if codec != "pcm_s16le":
        source = tmp_path / "source.mkv"
        recode(clip, source, codec)
    copied(tmp_path / "annotated.mp4", source, True)
    with av.open(str(tmp_path / "annotated.mp4")) as made, av.open(str(source)) as original:
        audio, video = made.streams.audio[0], made.streams.video[0]
        assert (audio.codec_context.name, video.codec_context.height % 2) == ("aac", 0)
        heard = sum(frame.samples for frame in made.decode(audio)) / audio.rate
        assert heard == pytest.approx(6, abs=0.2)
        made.seek(0)
        times = [float(frame.time) for frame in made.decode(video)]
        wanted = [float(frame.time) for frame in original.decode(video=0)]
        assert times == pytest.approx(wanted, abs=0.002)


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_of_recordings_laid_end_to_end_both_are_shown_with_their_sound(tmp_path: Path, codec: str):
    recode(write_clip(tmp_path / "clip.ts"), tmp_path / "part.ts", codec)
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "part.ts").read_bytes() * 2)
    copied(tmp_path / "annotated.mp4", joined, True)
    with av.open(str(tmp_path / "annotated.mp4")) as made:
        lengths = [float(stream.duration * stream.time_base) for stream in made.streams]
    assert lengths == pytest.approx([6, 6], abs=0.4)  # an encoder begins with a few empty frames


def recode(source: Path, target: Path, codec: str) -> None:
    """`source` with its sound in another codec."""
    with av.open(str(source)) as opened, av.open(str(target), "w") as output:
        picture = output.add_stream_from_template(opened.streams.video[0])
        sound = output.add_stream(codec, rate=16_000)
        sound.layout = "mono"
        resampler = av.AudioResampler(format=sound.codec_context.format or "s16", layout="mono", rate=16_000)
        for packet in opened.demux():
            if packet.stream.type == "video" and packet.dts is not None:
                packet.stream = picture
                output.mux(packet)
            elif packet.stream.type == "audio":
                for frame in packet.decode():
                    for part in resampler.resample(frame):
                        output.mux(sound.encode(part))
        output.mux(sound.encode(None))


def test_a_video_without_sound_and_with_changing_size(tmp_path: Path, clip: Path):
    with AnnotatedVideo(tmp_path / "a.mp4", clip, False) as video:
        video.add(picture_of(np.zeros((120, 160, 3), np.uint8)), 0, [])
        video.add(picture_of(np.zeros((240, 320, 3), np.uint8)), 0, [])  # at the same time, and larger
        video.add(picture_of(np.zeros((120, 160, 3), np.uint8)), 80_000_000, [])
    with av.open(str(tmp_path / "a.mp4")) as made:
        assert [(frame.width, frame.height) for frame in made.decode(video=0)] == [(160, 120)] * 3
        assert not made.streams.audio
