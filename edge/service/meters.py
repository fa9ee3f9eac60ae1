"""The service's own numbers, read from the running process."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from edge.records import Observation, modality_of


class Meters:
    """Counts and latencies; safe to feed from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._cpu = (time.process_time(), self._started)
        self._latencies_ms: deque[float] = deque(maxlen=4096)
        #: Of the last few minutes, for a summary at the end.
        self.lately_ms: deque[float] = deque(maxlen=4096)
        self.faces = self.speech = self.text = self.events = 0
        self._not_judged: Counter[str] = Counter()

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._started

    def fused(self, observations: Sequence[Observation], events: int, latency_ms: float | None) -> None:
        """Count what one step of fusion took and gave; `latency_ms` is from capture of a frame to published."""
        senses = Counter(modality_of(observation) for observation in observations)
        with self._lock:
            self.faces += senses["face"]
            self.speech += senses["speech"]
            self.text += senses["text"]
            self.events += events
            if latency_ms is not None:
                self._latencies_ms.append(latency_ms)
                self.lately_ms.append(latency_ms)

    def abstained(self, reasons: Iterable[str]) -> None:
        """Count faces that were seen too poorly to be judged."""
        with self._lock:
            self._not_judged.update(reasons)

    def not_judged(self) -> dict[str, int]:
        """How many faces so far, by the reason."""
        with self._lock:
            return dict(self._not_judged)

    def latency_ms(self) -> tuple[float | None, float | None]:
        """p50 and p95 since the last call, None without any."""
        with self._lock:
            latencies, self._latencies_ms = list(self._latencies_ms), deque(maxlen=4096)
        return percentiles(latencies)

    def cpu_share(self) -> float:
        """CPU seconds a second since the last call: 1.0 is one core."""
        now, (cpu, then) = (time.process_time(), time.monotonic()), self._cpu
        self._cpu = now
        return (now[0] - cpu) / max(now[1] - then, 1e-3)


def percentiles(latencies: list[float]) -> tuple[float | None, float | None]:
    """p50 and p95, None without any value."""
    if not latencies:
        return None, None
    p50, p95 = np.percentile(latencies, (50, 95))
    return float(p50), float(p95)


def rss_bytes() -> int:
    """Resident memory of this process, 0 where /proc does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
