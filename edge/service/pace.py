"""How often a frame is looked at: as often as the camera gives one, less where the machine cannot follow.

With too little CPU frames would wait, and every estimate would come late. Instead fewer frames are looked at, each at
once. It begins again as soon as there is room: additive increase, multiplicative decrease (Chiu and Jain 1989), which
settles without knowing how fast the machine is.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_LOG = logging.getLogger(__name__)

_WINDOW_S = 1.0
#: Of the time, spent in looking: above, there is no room for a hiccup; below the other, there is room for more.
_BUSY, _ROOM = 0.8, 0.5
_LESS, _MORE = 0.7, 0.1
#: A machine that throttles is given half the work (and half the heat); slower than this, nobody is followed any more.
_HEAT_SHARE, _LEAST_HZ = 0.5, 1.0


class Pace:
    """Decides which frames are looked at. The camera's thread asks, the thread that looks tells how it went.

    Args:
        fps: of the camera: the most.
    """

    def __init__(self, fps: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._fps = fps
        self._least_hz = min(_LEAST_HZ, fps)
        self._now_s = now_s
        self._lock = threading.Lock()
        self._cpu_hz = fps
        self._hot = False
        self._due_ns = 0
        self._since_s = now_s()
        self._busy_s = 0.0
        self._looked = 0
        #: Frames let go since start.
        self.skipped = 0

    @property
    def rate_hz(self) -> float:
        """At most so many frames a second are looked at."""
        heat_hz = self._fps * _HEAT_SHARE if self._hot else self._fps
        return max(self._least_hz, min(self._cpu_hz, heat_hz))

    @property
    def held_back(self) -> str:
        """Why not every frame is: ``heat``, ``cpu``, or empty."""
        if self.rate_hz >= self._fps:
            return ""
        return "heat" if self._hot and self._cpu_hz >= self.rate_hz else "cpu"

    def wants(self, captured_ns: int) -> bool:
        """Whether this frame is to be looked at."""
        interval_ns = int(1e9 / self.rate_hz)
        # A quarter of slack for the jitter of a camera at exactly this rate, as in capture.
        if self.held_back and captured_ns < self._due_ns - interval_ns // 4:
            self.skipped += 1
            return False
        self._due_ns = max(self._due_ns, captured_ns - interval_ns) + interval_ns
        return True

    def looked(self, took_s: float) -> None:
        """A frame was looked at for `took_s`, by the clock: what other processes take from this one counts too.

        How long the frame waited before does not: only the newest waits for a look to end, and a frame that waits for
        a processor that others have would wait at any rate.
        """
        with self._lock:
            self._looked += 1
            self._busy_s += took_s
            now_s = self._now_s()
            past_s = now_s - self._since_s
            if past_s < _WINDOW_S:
                return
            busy = self._busy_s / past_s
            before_hz = self._cpu_hz
            if busy > _BUSY:
                # From what was really looked at: a limit far above that limits nothing.
                self._cpu_hz = max(self._least_hz, _LESS * min(self._cpu_hz, self._looked / past_s))
            elif busy < _ROOM:
                self._cpu_hz = min(self._fps, self._cpu_hz + _MORE * self._fps)
            self._since_s, self._busy_s, self._looked = now_s, 0.0, 0
        if before_hz == self._fps and self._cpu_hz < self._fps:
            _LOG.warning("too little CPU for %g frames a second: fewer are looked at until there is more", self._fps)
        elif before_hz < self._fps and self._cpu_hz == self._fps:
            _LOG.info("enough CPU again for %g frames a second", self._fps)

    def feel(self, throttled: bool) -> None:
        """The machine is held back by its firmware (heat or power), or no longer."""
        if throttled != self._hot:
            words = "throttles: half as many frames are looked at" if throttled else "does not throttle any more"
            _LOG.warning("the machine %s", words)
        self._hot = throttled
