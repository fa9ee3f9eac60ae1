"""Recordings on the service's clock: in real time or as fast as possible, once or for ever.

Every recording has its own time, from 0 at its beginning; `Replayed` puts it at `origin_ns`. A camera and a
microphone that replay one file with one `origin_ns` therefore stay in step, whoever opens first and however often.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from edge.config import ReplayConfig
from edge.errors import CaptureError

P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Piece(Generic[P]):
    """A part of a recording: `start_ns` in the recording's own time, `ready_ns` when a live source would give it."""

    start_ns: int
    ready_ns: int
    payload: P


class Recording(Protocol[P]):
    """A file or folder; `pieces` begins at the beginning each time, `length_ns` is the whole recording's."""

    @property
    def name(self) -> str: ...
    def open(self) -> None: ...
    def pieces(self) -> Iterator[Piece[P]]: ...
    def length_ns(self) -> int: ...
    def close(self) -> None: ...


class Replayed(Generic[P, T]):
    """`recording` as a source; `make` turns a payload and its time into what the source gives.

    Opened again, it goes on where the recording would be by then (``real``) or after the last piece read (``fast``).
    """

    overflows = 0  # a recording loses nothing

    def __init__(
        self, recording: Recording[P], make: Callable[[P, int], T], replay: ReplayConfig, origin_ns: int
    ) -> None:
        self._recording = recording
        self._make = make
        self._real = replay.pace == "real"
        self._repeat = replay.repeat
        self._origin_ns = origin_ns
        self._last_ns: int | None = None
        self._lock = threading.Lock()  # held while the file is touched, not while waiting
        self._closed = threading.Event()
        self._closed.set()
        self._pieces: Iterator[Piece[P]] = iter(())
        self._length_ns = 0
        self._base_ns = origin_ns
        self._skip_ns = 0

    @property
    def name(self) -> str:
        return self._recording.name

    def open(self) -> None:
        self.close()
        with self._lock:
            self._recording.open()
            self._length_ns = self._recording.length_ns() if self._repeat else 0
            self._base_ns, self._skip_ns = self._origin_ns, 0
            if self._last_ns is not None:
                self._skip_ns = time.monotonic_ns() if self._real else self._last_ns + 1
                if self._length_ns > 0:
                    self._base_ns += (self._skip_ns - self._origin_ns) // self._length_ns * self._length_ns
            self._pieces = self._recording.pieces()
            self._closed.clear()

    def read(self) -> T | None:
        while True:
            with self._lock:
                if self._closed.is_set():
                    raise CaptureError(f"{self.name}: is closed; open it before reading")
                piece = next(self._pieces, None)
                if piece is None:
                    if self._length_ns <= 0:
                        return None
                    self._base_ns += self._length_ns
                    self._pieces = self._recording.pieces()
                    continue
                start_ns = self._base_ns + piece.start_ns
                if start_ns < self._skip_ns:
                    continue
                self._last_ns = start_ns
                made = self._make(piece.payload, start_ns)
            if self._real:
                wait_ns = self._base_ns + piece.ready_ns - time.monotonic_ns()
                if self._closed.wait(max(0, wait_ns) / 1e9):
                    raise CaptureError(f"{self.name}: closed while it was being read")
            return made

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            self._pieces = iter(())
            self._recording.close()
