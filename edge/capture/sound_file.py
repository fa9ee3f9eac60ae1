"""The sound of a WAV, FLAC or video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.capture.chunks import ChunkCutter
from edge.capture.media_file import MediaFile
from edge.capture.replay import Piece
from edge.capture.source import CHUNK_SAMPLES, SAMPLE_RATE_HZ

_SECOND_NS = 1_000_000_000
_CHUNK_NS = CHUNK_SAMPLES * _SECOND_NS // SAMPLE_RATE_HZ
#: A stream whose next sample is this far from where the last one ended has a hole (a cut, a lost packet). Rounding
#: in the time stamps of common formats is under 2 ms.
_HOLE_NS = 20_000_000


class SoundFile(MediaFile):
    """``file:PATH``: mixed to mono and resampled to SAMPLE_RATE_HZ."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "audio", f"file:{path}")

    def pieces(self) -> Iterator[Piece[NDArray[np.float32]]]:
        """Chunks float32 [CHUNK_SAMPLES] in [-1, 1]; the last is filled up with silence."""
        run: _Run | None = None
        for frame in self.decoded():
            time_ns = self.time_ns(frame)
            if run is None or run.format != _format(frame) or _apart(time_ns, run.end_ns):
                start_ns = time_ns if time_ns is not None else run.end_ns if run else 0
                if run is not None:
                    yield from run.finish()
                run = _Run(start_ns, _format(frame))
            yield from run.add(frame)
        if run is not None:
            yield from run.finish()


def _format(frame: Any) -> tuple[int, str, str]:
    return (frame.sample_rate, frame.layout.name, frame.format.name)


def _apart(time_ns: int | None, end_ns: int) -> bool:
    return time_ns is not None and abs(time_ns - end_ns) > _HOLE_NS


class _Run:
    """Sound without a hole or a change of `format`, from `start_ns` on; times follow from the count of samples."""

    def __init__(self, start_ns: int, format: tuple[int, str, str]) -> None:
        from av.audio.resampler import AudioResampler

        self.format = format
        self.end_ns = start_ns
        self._start_ns = start_ns
        self._resampler = AudioResampler(format="fltp", rate=SAMPLE_RATE_HZ)
        self._cutter = ChunkCutter()
        self._chunks = 0
        self._seconds = 0.0

    def add(self, frame: Any) -> Iterator[Piece[NDArray[np.float32]]]:
        self._seconds += frame.samples / frame.sample_rate
        self.end_ns = self._start_ns + round(self._seconds * _SECOND_NS)
        yield from self._resampled(frame)

    def finish(self) -> Iterator[Piece[NDArray[np.float32]]]:
        yield from self._resampled(None)
        yield from map(self._piece, self._cutter.last())

    def _resampled(self, frame: Any) -> Iterator[Piece[NDArray[np.float32]]]:
        for part in self._resampler.resample(frame):
            channels = part.to_ndarray()
            # The mean, as of a microphone; FFmpeg's own mix to mono adds up to 1.4 times the loudness.
            sound = channels[0] if len(channels) == 1 else channels.mean(axis=0, dtype=np.float32)
            # A float file may hold anything: what is no number is silence. Most sound needs only to be looked at.
            if not np.abs(sound).max(initial=0) <= 1:  # or NaN
                sound = np.clip(np.nan_to_num(sound, nan=0, posinf=1, neginf=-1), -1, 1)
            yield from map(self._piece, self._cutter.cut(sound))

    def _piece(self, samples: NDArray[np.float32]) -> Piece[NDArray[np.float32]]:
        start_ns = self._start_ns + self._chunks * _CHUNK_NS
        self._chunks += 1
        return Piece(start_ns, start_ns + _CHUNK_NS, samples)
