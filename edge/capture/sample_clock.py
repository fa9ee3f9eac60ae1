"""When a sample was heard: the count of samples, tied to the monotonic clock."""

from __future__ import annotations

_SECOND_NS = 1_000_000_000
#: Sound that is steadily later than its count says was lost on the way (a driver need not tell).
JUMP_NS = 60_000_000
#: The sound card's crystal and the CPU's differ: followed by up to this much a second (1 %).
SLEW_NS = 10_000_000


class SampleClock:
    """The time of the samples of one stream at `rate_hz`.

    A read returns at some moment after its last sample was heard, late by whatever the scheduler does. The earliest
    arrivals of each second are therefore the ones to believe.
    """

    def __init__(self, rate_hz: int, not_before_ns: int = 0) -> None:
        self._rate_hz = rate_hz
        self._not_before_ns = not_before_ns
        self._origin_ns: int | None = None
        self._count = 0
        self._least_late_ns = 0
        self._judged = 0

    def arrived(self, samples: int, now_ns: int) -> bool:
        """Count `samples` that have just been read; True if time jumped because some before them were lost."""
        self._count += samples
        heard_ns = self._count * _SECOND_NS // self._rate_hz
        if self._origin_ns is None:
            self._origin_ns = max(now_ns - heard_ns, self._not_before_ns)
            self._begin_second(now_ns - self._origin_ns - heard_ns)
            return False
        self._least_late_ns = min(self._least_late_ns, now_ns - self._origin_ns - heard_ns)
        if self._count - self._judged < self._rate_hz:
            return False
        late_ns = self._least_late_ns
        jumped = late_ns > JUMP_NS
        self._origin_ns += late_ns if jumped else max(-SLEW_NS, min(SLEW_NS, late_ns))
        self._begin_second(now_ns - self._origin_ns - heard_ns)
        return jumped

    def time_ns(self, seconds: float) -> int:
        """The time of the sound `seconds` after the stream's first sample."""
        return (self._origin_ns or 0) + round(seconds * _SECOND_NS)

    def _begin_second(self, late_ns: int) -> None:
        self._least_late_ns = late_ns
        self._judged = self._count
