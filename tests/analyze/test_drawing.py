"""Every picture is drawn once, in time, and none with faces of which nobody knows."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from edge.analyze.annotate import AnnotatedVideo
from edge.analyze.drawing import Drawing, reading
from edge.capture.video_file import VideoFile
from edge.records import EMOTIONS, Box, FaceObservation

FACE = FaceObservation(3, Box(100, 80, 60, 60), 0.9, 0.9, np.full(len(EMOTIONS), 1 / 7, np.float32), 0)


def marked(path: Path, clip: Path) -> list[bool]:
    """Of each picture of the annotated video, whether the lower edge of the face's box is drawn in it."""
    with av.open(str(path)) as made, av.open(str(clip)) as original:
        edges = [
            np.abs(drawn.to_ndarray(format="gray").astype(int) - bare.to_ndarray(format="gray"))[140, 105:155]
            for drawn, bare in zip(made.decode(video=0), original.decode(video=0), strict=False)
        ]
    return [bool(np.median(edge) > 20) for edge in edges]


def test_pictures_that_nobody_looks_at_show_the_faces_of_the_one_before_and_do_not_wait(tmp_path: Path, clip: Path):
    with AnnotatedVideo(tmp_path / "a.mp4", clip, False) as video:
        drawing = Drawing(video, 1)
        drawn = []
        for number, picture in enumerate(VideoFile(clip, 1).pictures()):
            drawing.add(picture)
            if picture[2]:
                drawing.show([FACE] if number == 27 else [])
            drawn.append(video.pictures)
    assert drawn == list(range(1, 91))
    assert marked(tmp_path / "a.mp4", clip) == [27 <= number < 42 for number in range(90)]


def test_faces_are_not_shown_for_longer_than_they_say_anything(tmp_path: Path, clip: Path):
    (times, *_) = zip(*VideoFile(clip, 15).pictures(), strict=True)
    with AnnotatedVideo(tmp_path / "a.mp4", clip, False) as video:
        drawing = Drawing(video, 15)
        for number, (_, decoded, _) in enumerate(VideoFile(clip, 15).pictures()):
            drawing.add((times[number], decoded, number == 0))
            if number == 0:
                drawing.show([FACE])
    assert marked(tmp_path / "a.mp4", clip) == [number <= 15 for number in range(90)]  # a second


def test_where_looking_ends_early_the_next_picture_is_not_drawn(tmp_path: Path, clip: Path):
    with AnnotatedVideo(tmp_path / "a.mp4", clip, False) as video:
        file = VideoFile(clip, 3)  # the first, the fifth, the tenth ...
        with reading(Drawing(video, 3), file) as show:
            show([])
            show([FACE])
        file.close()
    assert marked(tmp_path / "a.mp4", clip) == [False] * 4 + [True] * 5


def test_what_follows_the_last_that_was_looked_at_is_drawn(tmp_path: Path, clip: Path):
    looks = sum(looked for *_, looked in VideoFile(clip, 0.5).pictures())
    with AnnotatedVideo(tmp_path / "a.mp4", clip, False) as video:
        file = VideoFile(clip, 0.5)
        with reading(Drawing(video, 0.5), file) as show:
            for _ in range(looks):
                show([FACE])
        file.close()
    assert looks < 5
    assert marked(tmp_path / "a.mp4", clip) == [True] * 90
