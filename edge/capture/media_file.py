"""A video or sound file opened by PyAV (FFmpeg), with errors a user can act on, and its own time from 0."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from edge.errors import CaptureError
from edge.installation import install_extra

log = logging.getLogger(__name__)

_KINDS = {"video": "picture", "audio": "sound"}
#: Times that go back by more than this begin another recording: packets are out of order by less.
_BACK_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds; `length_s` is what its header says, 0 where it does not say."""

    picture: bool
    sound: bool
    length_s: float


def contents(path: Path) -> Contents:
    """What the media file at `path` holds.

    Raises:
        CaptureError: PyAV is missing, or the file is missing, unreadable, empty or not a media file.
    """
    with _opened(path, str(path)) as container:
        kinds = {stream.type for stream in _playable(container)}
        return Contents("video" in kinds, "audio" in kinds, max(0, container.duration or 0) / 1e6)


class MediaFile:
    """One stream (`kind` ``video`` or ``audio``) of the file at `path`, decoded from its beginning."""

    def __init__(self, path: Path, kind: str, name: str) -> None:
        self.name = name
        self._path = Path(os.path.expanduser(path))  # noqa: PTH111 - never raises, unlike Path's
        self._kind = kind
        self._container: Any = None
        self._onward = Onward()

    def open(self) -> None:
        """Open the file and find the stream.

        Raises:
            CaptureError: PyAV is missing, the file is missing, unreadable, not a media file, or has no such stream.
        """
        self._container = _opened(self._path, self.name)
        if not self._streams():
            held = ", ".join(sorted({_KINDS.get(stream.type, stream.type) for stream in self._container.streams}))
            self.close()
            raise CaptureError(
                f"{self.name}: expected {_KINDS[self._kind]}, the file holds {held or 'nothing'} only. Choose another "
                f"file, or set enabled = false in [{'camera' if self._kind == 'video' else 'microphone'}]."
            )

    def decoded(self) -> Iterator[Any]:
        """The stream's frames from the beginning. Damaged packets are skipped and counted in one warning.

        Raises:
            CaptureError: nothing at all can be decoded, or the file cannot be read on.
        """
        import av

        self._rewind()
        self._onward = Onward()
        stream = self._streams()[0]
        stream.codec_context.thread_count = 1  # waking another thread for each picture costs more than it brings
        good = damaged = 0
        try:
            for packet in self._container.demux(stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    damaged += 1
                    continue
                good += len(frames)
                yield from frames
        except (av.FFmpegError, OSError) as error:
            raise CaptureError(f"{self.name}: cannot be read to its end: {error}") from error
        if not good:
            raise CaptureError(f"{self.name}: expected {_KINDS[self._kind]}, nothing in the file can be decoded")
        if damaged:
            log.warning("%s: %d damaged packets were skipped", self.name, damaged)

    def time_ns(self, frame: Any) -> int | None:
        """The time of the frame decoded last from the beginning of the file (of its earliest stream); None if it has
        none. Where the file's time goes back, as of recordings laid end to end, it goes on from there."""
        if frame.pts is None:
            return None
        unit = frame.time_base
        time_ns = int(frame.pts * unit.numerator * 1_000_000_000 // unit.denominator) - self._start_ns()
        return self._onward.time_ns(time_ns, frame_length_ns(frame))

    def length_ns(self) -> int:
        """The time from the beginning to the end of the last packet of picture or sound: equal for both streams.

        All packets are read (not decoded), since what a file's header says is an estimate in several formats.
        """
        self._rewind()
        onward: defaultdict[int, Onward] = defaultdict(Onward)
        for packet in self._container.demux(*self._playable()):
            if packet.pts is not None:
                begin, length = (Fraction(units or 0) * packet.time_base for units in (packet.pts, packet.duration))
                begin_ns = int(begin * 1_000_000_000) - self._start_ns()
                onward[packet.stream_index].time_ns(begin_ns, int(length * 1_000_000_000))
        return max((stream.end_ns for stream in onward.values()), default=0)

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _streams(self) -> list[Any]:
        return [stream for stream in self._playable() if stream.type == self._kind]

    def _playable(self) -> list[Any]:
        return _playable(self._container)

    def _start_ns(self) -> int:
        return (self._container.start_time or 0) * 1000  # FFmpeg counts in microseconds

    def _rewind(self) -> None:
        """Open afresh: exact in every format, which seeking is not."""
        self.close()
        self.open()


class Onward:
    """The times of one stream, with which another recording behind it goes on instead of beginning again.

    Attributes:
        end_ns: where what was given last ends.
    """

    def __init__(self) -> None:
        self.end_ns = 0
        self._shift_ns = 0

    def time_ns(self, time_ns: int, length_ns: int) -> int:
        """The time of the next frame or packet, which the file says to begin at `time_ns` and to be so long."""
        if time_ns + self._shift_ns < self.end_ns - _BACK_NS:
            self._shift_ns = self.end_ns - time_ns
        time_ns += self._shift_ns
        self.end_ns = max(self.end_ns, time_ns + length_ns)
        return time_ns


def frame_length_ns(frame: Any) -> int:
    """How long a decoded picture is shown or a sound lasts; 0 where it does not say."""
    samples = getattr(frame, "samples", 0)
    length = samples / frame.sample_rate if samples else float((getattr(frame, "duration", 0) or 0) * frame.time_base)
    return int(length * 1_000_000_000)


def _opened(path: Path, name: str) -> Any:
    """The file as PyAV's container. Raises CaptureError as `contents` says; its message begins with `name`."""
    try:
        import av
    except ImportError as error:
        raise CaptureError(
            f"{name}: reading a file needs the library av ({error}). Install it with: {install_extra('files')}"
        ) from error
    try:
        container = av.open(str(path)) if path.stat().st_size else None
    except (OSError, ValueError, av.FFmpegError) as error:
        why = getattr(error, "strerror", None) or error
        raise CaptureError(f"{name}: expected a video or sound file that FFmpeg can read: {why}") from error
    if container is None:
        raise CaptureError(f"{name}: expected a video or sound file, this one is empty")
    return container


def _playable(container: Any) -> list[Any]:
    """Its streams of picture and sound; a cover picture in a sound file is no video."""
    return [
        stream
        for stream in container.streams
        if stream.type in _KINDS and "attached_pic" not in str(getattr(stream, "disposition", "")).lower()
    ]
