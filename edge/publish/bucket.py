"""Something that may happen often for a while, but in the long run only at a rate: a token bucket."""

from __future__ import annotations


class Bucket:
    """Holds at most `most` tokens, is full at `now_s`, and gets `per_s` a second. Not locked: the caller does.

    Every `now_s` is the same clock's and never earlier than the one before.
    """

    def __init__(self, most: float, per_s: float, now_s: float) -> None:
        self._most = most
        self._per_s = per_s
        self._tokens = most
        self._filled_s = now_s

    def take(self, now_s: float) -> bool:
        """Take a token; False if there is none."""
        if self._fill(now_s) < 1:
            return False
        self._tokens -= 1
        return True

    def wait_s(self, now_s: float) -> float:
        """Seconds until there is a token."""
        return max(0.0, 1 - self._fill(now_s)) / self._per_s

    def _fill(self, now_s: float) -> float:
        self._tokens = min(self._most, self._tokens + (now_s - self._filled_s) * self._per_s)
        self._filled_s = now_s
        # A wait as long as `wait_s` said is long enough, whatever floating point makes of it.
        if 1 - 1e-9 < self._tokens < 1:
            self._tokens = 1.0
        return self._tokens
