"""The video that shows what was found in another, its sound kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from edge.analyze.canvas import YuvCanvas, planes
from edge.analyze.marks import mark
from edge.capture.media_file import Onward, frame_length_ns
from edge.capture.video_file import Reformatter, quarter_turns
from edge.records import Box, FaceObservation

_LOG = logging.getLogger(__name__)

# Fine enough for every camera, coarse enough for every encoder.
_TICKS_HZ = 1000
_SECOND_NS = 1_000_000_000
_AAC_HZ = {8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}
# What browsers play from an MP4 file; other sound is encoded anew.
_KEPT_SOUND = {"aac", "mp3", "opus", "flac"}


class AnnotatedVideo:
    """An MP4 file of drawn frames, with the sound of `source` copied, or encoded as AAC where no browser plays it.

    Pictures and sound are written side by side, so that nothing waits in memory.

    Attributes:
        pictures: so many were added.
    """

    def __init__(self, path: Path, source: Path, sound: bool) -> None:
        self._path = path
        self._source = source
        self._output: Any = None
        self._video: Any = None
        self._sound = _Sound(source) if sound else None
        self._last_ticks = -1
        self.pictures = 0
        self._shape = (0, 0)
        self._reformatter = Reformatter()

    def __enter__(self) -> AnnotatedVideo:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if self._output is not None and error is None:
                self._mux_sound(None)
                self._output.mux(self._video.encode(None))
        finally:
            if self._output is not None:
                self._output.close()
            if self._sound:
                self._sound.close()

    def add(self, picture: Any, time_ns: int, faces: Sequence[FaceObservation]) -> None:
        """The next picture, as PyAV decoded it, with these faces in it; one of another size than the first is made to
        fit."""
        if self._output is None:
            self._begin(picture)
        self.pictures += 1
        ticks = max(self._last_ticks + 1, time_ns * _TICKS_HZ // _SECOND_NS)
        self._last_ticks = ticks
        frame = self._drawn(picture, faces)
        frame.pts, frame.time_base = ticks, Fraction(1, _TICKS_HZ)
        self._mux_sound(time_ns / 1e9)
        self._output.mux(self._video.encode(frame))

    def _drawn(self, picture: Any, faces: Sequence[FaceObservation]) -> Any:
        """A copy, upright, in the video's size and colours: the decoder still needs its own."""
        turns = quarter_turns(picture)
        height, width = self._shape if turns % 2 == 0 else self._shape[::-1]
        across, down = width / picture.width, height / picture.height
        if turns % 2:
            across, down = down, across
        bright = picture.color_range == ColorRange.JPEG  # a phone's and a still picture's; players expect the other
        if bright or (picture.format.name, picture.height, picture.width) != ("yuv420p", height, width):
            limited: dict[str, Any] = {"src_color_range": "JPEG", "dst_color_range": "MPEG"} if bright else {}
            picture = self._reformatter.reformat(picture, width=width, height=height, format="yuv420p", **limited)
        frame = av.VideoFrame(self._shape[1], self._shape[0], "yuv420p")
        drawn = planes(frame)
        for target, source in zip(drawn, planes(picture), strict=True):
            target[:] = np.rot90(source, turns) if turns else source
        mark(YuvCanvas(drawn), self._shape[0], [_moved(face, across, down) for face in faces])
        return frame

    def _begin(self, picture: Any) -> None:
        turned = quarter_turns(picture) % 2 == 1
        height, width = (picture.width, picture.height) if turned else (picture.height, picture.width)
        # Colour is stored for blocks of 2x2 pixels: sides must be even.
        self._shape = (height + height % 2, width + width % 2)
        self._output = av.open(str(self._path), "w", format="mp4")
        codec, options = _encoder()
        self._video = self._output.add_stream(codec, rate=25, options=options)
        self._video.height, self._video.width = self._shape
        self._video.pix_fmt = "yuv420p"
        if picture.format.name.startswith("yuv"):
            self._video.codec_context.colorspace = picture.colorspace  # ITU-R BT.601, 709 ...: kept as it is
        self._video.time_base = self._video.codec_context.time_base = Fraction(1, _TICKS_HZ)
        self._video.thread_count = 1  # several files run side by side
        if self._sound:
            self._sound.begin(self._output)

    def _mux_sound(self, until_s: float | None) -> None:
        if self._sound:
            for packet in self._sound.packets(until_s):
                self._output.mux(packet)


def _moved(face: FaceObservation, across: float, down: float) -> FaceObservation:
    """`face` in a picture that was enlarged so."""
    if across == down == 1:
        return face
    box = face.box
    return replace(face, box=Box(box.x * across, box.y * down, box.width * across, box.height * down))


class _Sound:
    """The sound of a file as packets for another."""

    def __init__(self, source: Path) -> None:
        self._input = av.open(str(source))
        self._stream = self._input.streams.audio[0]
        self._packets: Iterator[Any] = iter(())
        self._held: Any = None
        self._held_s = 0.0
        self._onward = Onward()

    def begin(self, output: Any) -> None:
        if self._stream.codec_context.name.removesuffix("float") in _KEPT_SOUND:
            self._out = output.add_stream_from_template(self._stream)
            self._packets = self._copied()
        else:
            given_hz = self._stream.codec_context.sample_rate
            # The slower, default coder takes more time than finding the faces.
            rate_hz = given_hz if given_hz in _AAC_HZ else 48_000
            self._out = output.add_stream("aac", rate=rate_hz, options={"aac_coder": "fast"})
            # Not the layout as given: a file may not say which of two channels is the left one.
            self._out.layout = "mono" if self._stream.codec_context.channels == 1 else "stereo"
            self._packets = self._encoded()

    def packets(self, until_s: float | None) -> Iterator[Any]:
        """Those that begin before `until_s` (None: all) and were not given yet."""
        while until_s is None or self._held is None or self._held_s <= until_s:
            if self._held is not None:
                yield self._held
            self._held = next(self._packets, None)
            if self._held is None:
                return
            self._held_s = float((self._held.pts or 0) * self._held.time_base)

    def close(self) -> None:
        self._input.close()

    def _copied(self) -> Iterator[Any]:
        for packet in self._demuxed():
            if packet.dts is not None:
                moved = self._moved(packet, int((packet.duration or 0) * packet.time_base * _SECOND_NS))
                packet.pts, packet.dts = packet.pts + moved, packet.dts + moved
                packet.stream = self._out
                yield packet

    def _encoded(self) -> Iterator[Any]:
        resampler = av.AudioResampler(
            format=self._out.codec_context.format or "fltp", layout=self._out.layout, rate=self._out.rate
        )
        for packet in self._demuxed():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # told by the one who listens
            for frame in frames:
                if frame.pts is not None:
                    frame.pts += self._moved(frame, frame_length_ns(frame))
                for part in resampler.resample(frame):
                    yield from self._out.encode(part)
        yield from self._out.encode(None)

    def _demuxed(self) -> Iterator[Any]:
        try:
            yield from self._input.demux(self._stream)
        except (av.FFmpegError, OSError) as error:
            _LOG.warning("the sound of the annotated video ends early: %s", error)

    def _moved(self, piece: Any, length_ns: int) -> int:
        """By how much of its own unit a packet or frame is moved, to begin where the picture's file begins."""
        unit: Fraction = piece.time_base
        told_ns = int(piece.pts * unit * _SECOND_NS)
        time_ns = self._onward.time_ns(told_ns - (self._input.start_time or 0) * 1000, length_ns)
        return round(Fraction(time_ns - told_ns, _SECOND_NS) / unit)


def _encoder() -> tuple[str, dict[str, str]]:
    """H.264, which every browser plays; where FFmpeg was built without it, MPEG-4."""
    try:
        av.codec.Codec("libx264", "w")
    except (ValueError, av.FFmpegError):
        return "mpeg4", {"qscale": "4"}
    # A constant quantizer: two thirds of the time of a constant quality, which looks at every picture twice.
    return "libx264", {"preset": "ultrafast", "qp": "23"}
