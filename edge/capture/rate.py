"""Which pictures of a source that gives more than is wanted are taken."""

from __future__ import annotations


class FrameRate:
    """At most `fps` pictures a second, evenly, of a source of any rate."""

    def __init__(self, fps: float) -> None:
        self._interval_ns = int(1e9 / fps)
        self._due_ns: int | None = None

    def takes(self, time_ns: int) -> bool:
        """Whether the picture of this time is one of them; times do not go back."""
        due_ns = time_ns if self._due_ns is None else self._due_ns
        # A quarter of slack, so that a source at exactly `fps` with some jitter loses nothing.
        if time_ns < due_ns - self._interval_ns // 4:
            return False
        self._due_ns = max(due_ns, time_ns - self._interval_ns) + self._interval_ns
        return True
