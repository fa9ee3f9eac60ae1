"""A driver that may block for ever, read within a deadline.

OpenCV, libcamera and PortAudio can all stay inside a call that never returns (a frozen driver, a stopped sound
server), and no other thread may safely call into the same device meanwhile. So one thread owns the device from open
to close, and everybody else only waits, with a deadline, for what it hands over. A call that does not return costs
one idle thread; the device is let go by that thread as soon as the call does return.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from edge.errors import CaptureError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: Each is a thread and what its driver holds: enough for a sound server that dies three times, not a leak.
MOST_LEFT_BEHIND = 3
#: How long `close` waits for the driver; the service has 3 s to end.
CLOSE_S = 1.0


class Driver(Protocol[T_co]):
    """A device as its library gives it: every call may block, all calls come from one thread."""

    @property
    def name(self) -> str: ...
    def open(self) -> None: ...
    def read(self) -> T_co | None: ...
    def close(self) -> None: ...


class _Run(Generic[T]):
    """One life of the device, open to close. A run left behind in a call cannot touch its successor's state."""

    def __init__(self, driver: Driver[T], keep: int) -> None:
        self.changed = threading.Condition()
        self.items: deque[T] = deque()
        self.opened = self.stopping = self.over = False
        self.failure: Exception | None = None
        self.lost = 0
        self._driver = driver
        self._keep = keep
        # A daemon: a call that never returns must not keep the process from ending.
        self.thread = threading.Thread(target=self._work, name=f"capture {driver.name}", daemon=True)

    def _work(self) -> None:
        failure: Exception | None = None
        try:
            self._driver.open()
            with self.changed:
                self.opened = True
                self.changed.notify_all()
            while not self.stopping and (item := self._driver.read()) is not None:
                self._hand_over(item)
        except Exception as error:  # whatever it is, it is raised to the reader
            failure = error
        try:
            self._driver.close()
        except Exception as error:
            failure = failure or error
        with self.changed:
            self.failure = failure
            self.over = True
            self.changed.notify_all()

    def _hand_over(self, item: T) -> None:
        with self.changed:
            if len(self.items) == self._keep:
                self.items.popleft()
                self.lost += 1
            self.items.append(item)
            self.changed.notify_all()

    def raise_failure(self) -> None:
        if isinstance(self.failure, CaptureError):
            raise CaptureError(str(self.failure)) from self.failure
        if self.failure is not None:
            raise self.failure


class BoundedSource(Generic[T]):
    """The drivers that `make` makes, as one source: `open` takes at most `open_s` seconds and `read` at most `read_s`.

    Up to `keep` items wait for the reader; the oldest gives way and is counted in `lost`. `advice` ends the messages.
    A driver left behind in a call is replaced by a new one: a sound server may be back while the call to the old one
    never returns. Where the device itself hangs, the new one finds it busy, which is as good a message.
    """

    def __init__(self, make: Callable[[], Driver[T]], *, open_s: float, read_s: float, keep: int, advice: str) -> None:
        self._make = make
        self._driver = make()
        self._open_s, self._read_s = open_s, read_s
        self._keep = keep
        self._advice = advice
        self._run: _Run[T] | None = None
        self._closing = threading.Lock()
        self._left_behind: list[_Run[T]] = []
        self._lost_before = 0

    @property
    def name(self) -> str:
        return self._driver.name

    @property
    def lost(self) -> int:
        """Items that nobody read in time, since the source was made."""
        return self._lost_before + (self._run.lost if self._run else 0)

    def open(self) -> None:
        self.close()
        self._left_behind = [run for run in self._left_behind if run.thread.is_alive()]
        if len(self._left_behind) >= MOST_LEFT_BEHIND:
            raise CaptureError(
                f"{self.name}: {MOST_LEFT_BEHIND} calls to the device have not returned; it is tried again when one "
                f"has, or restart the service. {self._advice}"
            )
        run = self._run = _Run(self._driver, self._keep)
        run.thread.start()
        with run.changed:
            done = run.changed.wait_for(lambda: run.opened or run.over or run.stopping, self._open_s)
        if run.stopping:
            raise CaptureError(f"{self.name}: closed while it was being opened")
        if not run.opened:
            run.raise_failure()
        if not done:
            raise CaptureError(f"{self.name}: did not open within {self._open_s:g} s. {self._advice}")

    def read(self) -> T | None:
        run = self._run
        if run is None or run.stopping:
            raise CaptureError(f"{self.name}: is closed; open it before reading")
        with run.changed:
            done = run.changed.wait_for(lambda: run.items or run.over or run.stopping, self._read_s)
            if run.items and not run.stopping:
                return run.items.popleft()
        if run.stopping:
            raise CaptureError(f"{self.name}: closed while it was being read")
        run.raise_failure()
        if not done:
            raise CaptureError(f"{self.name}: gave nothing for {self._read_s:g} s. {self._advice}")
        return None

    def close(self) -> None:
        with self._closing:
            run, self._run = self._run, None
        if run is None:
            return
        with run.changed:
            run.stopping = True
            run.items.clear()
            run.changed.notify_all()
        run.thread.join(CLOSE_S)
        self._lost_before += run.lost
        if run.thread.is_alive():
            self._left_behind.append(run)
            self._driver = self._make()
