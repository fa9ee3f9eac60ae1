"""One sensor's thread: open, read, deliver, and when it fails, open again."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Generic, Literal, Protocol, TypeVar

from edge.errors import CaptureError
from edge.records import SensorHealth

_LOG = logging.getLogger(__name__)
_FIRST_RETRY_S = 0.5
# A sensor that is back should be in use again within seconds, and opening one costs next to nothing.
_LONGEST_RETRY_S = 5.0
# How soon a thread that waits notices that it is muted, or no longer.
_NOTICE_S = 0.1

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Source(Protocol[T_co]):
    """What the capture room's cameras, microphones and recordings have in common."""

    @property
    def name(self) -> str: ...
    def open(self) -> None: ...
    def read(self) -> T_co | None: ...
    def close(self) -> None: ...


class Sensor(Generic[T]):
    """Reads a source until it ends or `stop` is set.

    Args:
        kind: ``camera`` or ``microphone``.
        deliver: takes each item and returns how many items were dropped for it.
        recording: a failure is final, since a file does not come back by itself.
        finished: set when nothing more will be delivered.
        lost: how many items the device itself has lost since start.
        muted: keep the device closed from the start on.
        step: called on each round of the work, also of waiting: the thread gets on.
    """

    def __init__(
        self,
        kind: str,
        source: Source[T],
        deliver: Callable[[T], int],
        recording: bool,
        stop: threading.Event,
        finished: threading.Event,
        lost: Callable[[], int] = lambda: 0,
        muted: bool = False,
        step: Callable[[], None] = lambda: None,
    ) -> None:
        self.kind = kind
        self._step = step
        self.source = source
        self._deliver = deliver
        self._recording = recording
        self._stop = stop
        self.state: Literal["starting", "ok", "down", "muted", "ended"] = "starting"
        self.reason = ""
        self._finished = finished
        self._lost = lost
        self._read = self._dropped = self._reopened = 0
        self._reported = (0, time.monotonic())
        self._muted = threading.Event()
        self._closed = threading.Event()
        if muted:
            self._muted.set()

    @property
    def failed(self) -> bool:
        """The source is a recording that could not be read to its end."""
        return self._recording and self.state == "down"

    def run(self) -> None:
        """The thread's work; returns at the end of a recording or when `stop` is set."""
        retry_s = _FIRST_RETRY_S
        try:
            while not self._stop.is_set():
                self._step()
                if self._muted.is_set():
                    self._rest()
                    continue
                read_before = self._read
                try:
                    self.source.open()
                    self._read_all()
                    if not self._muted.is_set():
                        return
                except CaptureError as failure:
                    if self._stop.is_set():  # closed by us to end a waiting read
                        return
                    if not self._muted.is_set():  # ... or to mute
                        self._down(str(failure))
                except Exception as failure:
                    # A library or a driver with an error of its own kind. The other sense goes on all the same.
                    _LOG.debug("%s: unexpected error", self.kind, exc_info=True)
                    self._down(f"{self.source.name}: unexpected {type(failure).__name__}: {failure}")
                finally:
                    self.source.close()
                if self._muted.is_set():
                    continue
                if self._recording:
                    return
                retry_s = _FIRST_RETRY_S if self._read > read_before else min(2 * retry_s, _LONGEST_RETRY_S)
                self._pause(retry_s * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
        finally:
            self._finished.set()

    @property
    def muted(self) -> bool:
        """Nothing of what it sees or hears is wanted; the device is closed as soon as it lets go."""
        return self._muted.is_set()

    def mute(self, patience_s: float) -> bool:
        """Close the device and leave it closed; True when it is, False if it has not let go within `patience_s`."""
        self._muted.set()
        self.source.close()  # ends a waiting read
        return self._finished.is_set() or self._closed.wait(patience_s)

    def unmute(self) -> None:
        """Let the device be opened again."""
        self._muted.clear()

    def health(self) -> SensorHealth:
        """Numbers since start; `rate_hz` since the last call."""
        now, (read, then) = time.monotonic(), self._reported
        self._reported = (self._read, now)
        return SensorHealth(
            state=self.state,
            reason=self.reason,
            source=self.source.name,
            rate_hz=(self._read - read) / max(now - then, 1e-3),
            read=self._read,
            dropped=self._dropped + self._lost(),
            reopened=self._reopened,
        )

    def _rest(self) -> None:
        self.state, self.reason = "muted", ""
        _LOG.info("%s: muted, %s is closed", self.kind, self.source.name)
        self._closed.set()
        while self._muted.is_set() and not self._stop.wait(_NOTICE_S):
            self._step()
        self._closed.clear()
        if not self._stop.is_set():
            self.state = "starting"
            _LOG.info("%s: no longer muted", self.kind)

    def _pause(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s and not (self._muted.is_set() or self._stop.wait(_NOTICE_S)):
            self._step()

    def _read_all(self) -> None:
        while not (self._stop.is_set() or self._muted.is_set()):
            self._step()
            item = self.source.read()
            if self._muted.is_set():
                return
            if item is None:
                self.state, self.reason = "ended", ""
                _LOG.info("%s: %s has ended after %d reads", self.kind, self.source.name, self._read)
                return
            if self.state != "ok":
                self._reopened += self.state == "down"
                self.state, self.reason = "ok", ""
                _LOG.info("%s: reading from %s", self.kind, self.source.name)
            self._read += 1
            self._dropped += self._deliver(item)

    def _down(self, reason: str) -> None:
        # The same reason again is no news: the journal of a device without a camera must not fill up.
        level = logging.DEBUG if (self.state, self.reason) == ("down", reason) else logging.WARNING
        self.state, self.reason = "down", reason
        _LOG.log(level, "%s: %s%s", self.kind, reason, "" if self._recording else " Trying again.")
