"""Boxes, labels and bars drawn into pictures, and the video that carries them, its sound kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from edge.palette import COLOURS
from edge.records import EMOTIONS, FaceObservation

_LOG = logging.getLogger(__name__)

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Fine enough for every camera, coarse enough for every encoder.
_TICKS_HZ = 1000
_AAC_HZ = {8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}
# What browsers play from an MP4 file; other sound is encoded anew.
_KEPT_SOUND = {"aac", "mp3", "opus", "flac"}


def draw(image: NDArray[np.uint8], faces: Sequence[FaceObservation]) -> NDArray[np.uint8]:
    """A copy of uint8 [H, W, 3] RGB with each face's box, id, emotion and the bars of its probabilities."""
    drawn: NDArray[np.uint8] = image.copy()
    # Sizes follow the picture: what reads at 360 pixels must read at 2160.
    scale = max(image.shape[0] / 480, 0.7)
    line = max(1, round(2 * scale))
    for face in faces:
        best = int(np.argmax(face.probabilities))
        colour = COLOURS[EMOTIONS[best]]
        left, top = round(face.box.x), round(face.box.y)
        right, bottom = round(face.box.x + face.box.width), round(face.box.y + face.box.height)
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, line)
        label = f"face-{face.track_id} {EMOTIONS[best]} {face.probabilities[best]:.2f}"
        height = round(20 * scale)
        label_top = max(0, top - height)
        _shade(drawn, left, label_top, round(len(label) * 9.5 * scale), height)
        _write(drawn, label, left + 3, label_top + round(15 * scale), 0.5 * scale, colour)
        _bars(drawn, face.probabilities, left, right, top, scale)
    return drawn


def _bars(
    image: NDArray[np.uint8], probabilities: NDArray[np.float32], left: int, right: int, top: int, scale: float
) -> None:
    """Beside the box where there is room: right, else left, else inside."""
    width, step, text = round(104 * scale), round(15 * scale), round(42 * scale)
    x = right + 3 if right + 3 + width <= image.shape[1] else left - width - 3
    x = x if x >= 0 else left + 3
    top = max(0, top)
    _shade(image, x, top, width, step * len(EMOTIONS))
    for number, emotion in enumerate(EMOTIONS):
        y = top + number * step
        length = max(1, round((width - text - 3) * float(probabilities[number])))
        cv2.rectangle(image, (x + text, y + 3), (x + text + length, y + step - 3), COLOURS[emotion], cv2.FILLED)
        _write(image, emotion[:4], x + 3, y + step - round(4 * scale), 0.4 * scale, COLOURS[emotion])


def _shade(image: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> None:
    """Darken a part, so that bright colours read on every background."""
    part = image[max(0, y) : y + height, max(0, x) : x + width]
    part //= 4


def _write(image: NDArray[np.uint8], text: str, x: int, y: int, size: float, colour: tuple[int, int, int]) -> None:
    cv2.putText(image, text, (x, y), _FONT, size, colour, max(1, round(size * 2)), cv2.LINE_AA)


class AnnotatedVideo:
    """An MP4 file of drawn frames, with the sound of `source` copied, or encoded as AAC where no browser plays it.

    Pictures and sound are written side by side, so that nothing waits in memory.
    """

    def __init__(self, path: Path, source: Path, sound: bool) -> None:
        self._path = path
        self._source = source
        self._output: Any = None
        self._video: Any = None
        self._sound = _Sound(source) if sound else None
        self._last_ticks = -1
        self._shape = (0, 0)

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

    def add(self, image: NDArray[np.uint8], time_ns: int) -> None:
        """The next picture, uint8 [H, W, 3] RGB; one of another size than the first is made to fit."""
        if self._output is None:
            self._begin(image)
        ticks = max(self._last_ticks + 1, time_ns * _TICKS_HZ // 1_000_000_000)
        self._last_ticks = ticks
        if image.shape[:2] != self._shape:
            image = np.asarray(cv2.resize(image, self._shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = ticks, Fraction(1, _TICKS_HZ)
        self._mux_sound(time_ns / 1e9)
        self._output.mux(self._video.encode(frame))

    def _begin(self, image: NDArray[np.uint8]) -> None:
        # Colour is stored for blocks of 2x2 pixels: sides must be even.
        self._shape = (image.shape[0] + image.shape[0] % 2, image.shape[1] + image.shape[1] % 2)
        self._output = av.open(str(self._path), "w", format="mp4")
        codec, options = _encoder()
        self._video = self._output.add_stream(codec, rate=25, options=options)
        self._video.height, self._video.width = self._shape
        self._video.pix_fmt = "yuv420p"
        self._video.time_base = self._video.codec_context.time_base = Fraction(1, _TICKS_HZ)
        self._video.thread_count = 1  # several files run side by side
        if self._sound:
            self._sound.begin(self._output)

    def _mux_sound(self, until_s: float | None) -> None:
        if self._sound:
            for packet in self._sound.packets(until_s):
                self._output.mux(packet)


class _Sound:
    """The sound of a file as packets for another."""

    def __init__(self, source: Path) -> None:
        self._input = av.open(str(source))
        self._stream = self._input.streams.audio[0]
        self._packets = iter(())
        self._held: Any = None

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
        while True:
            packet = self._held or next(self._packets, None)
            self._held = None
            if packet is None:
                return
            if until_s is not None and packet.pts is not None and packet.pts * packet.time_base > until_s:
                self._held = packet
                return
            yield packet

    def close(self) -> None:
        self._input.close()

    def _copied(self) -> Iterator[Any]:
        for packet in self._demuxed():
            if packet.dts is not None:
                shift = round(self._start_s() / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
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
                    frame.pts -= round(self._start_s() / frame.time_base)
                for part in resampler.resample(frame):
                    yield from self._out.encode(part)
        yield from self._out.encode(None)

    def _demuxed(self) -> Iterator[Any]:
        try:
            yield from self._input.demux(self._stream)
        except (av.FFmpegError, OSError) as error:
            _LOG.warning("the sound of the annotated video ends early: %s", error)

    def _start_s(self) -> Fraction:
        return Fraction(self._input.start_time or 0, 1_000_000)


def _encoder() -> tuple[str, dict[str, str]]:
    """H.264, which every browser plays; where FFmpeg was built without it, MPEG-4."""
    try:
        av.codec.Codec("libx264", "w")
    except (ValueError, av.FFmpegError):
        return "mpeg4", {"qscale": "4"}
    return "libx264", {"preset": "superfast", "crf": "23"}
