"""The service's own threads: each one's progress is watched, and what breaks one of them ends the service."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from edge.service.progress import Progress

_LOG = logging.getLogger(__name__)


class Threads:
    """Starts threads and waits for their end.

    Args:
        stop: set when one of them breaks.
    """

    def __init__(self, progress: Progress, stop: threading.Event) -> None:
        self._progress = progress
        self._stop = stop
        self._started: list[threading.Thread] = []
        #: One of them ended by an error that nobody expected.
        self.crashed = False

    def start(self, work: Callable[[], None], name: str) -> threading.Thread:
        # Daemons: a thread that hangs in a driver must not keep the process alive after its end was reported.
        thread = threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
        self._progress.step(name)  # from now on it is waited for
        thread.start()
        self._started.append(thread)
        return thread

    def join(self, timeout_s: float) -> list[str]:
        """Wait for all, `timeout_s` in total; the names of those that would not end, which the log is told."""
        deadline = time.monotonic() + timeout_s
        for thread in self._started:
            thread.join(max(0.0, deadline - time.monotonic()))
        stuck = [thread.name for thread in self._started if thread.is_alive()]
        if stuck:
            _LOG.error("these threads did not end in %.1f s: %s", timeout_s, ", ".join(stuck))
        return stuck

    def _guarded(self, work: Callable[[], None]) -> None:
        name = threading.current_thread().name
        try:
            work()
        except Exception:
            # Nothing that is expected arrives here. A service with a dead thread only looks alive: end it, so that
            # systemd starts a whole one.
            _LOG.exception("%s: unexpected error, the service ends", name)
            self.crashed = True
            self._stop.set()
        finally:
            self._progress.end(name)
