"""A topic of which only the newest value counts."""

from __future__ import annotations

from edge.publish.payloads import Body

#: Keys that differ in each payload though nothing changed.
_NOT_A_CHANGE = ("time", "modalities")
#: An unchanged value is told again so often, so that it outlives its own expiry at the broker while the device lives.
REFRESH_S = 600.0


class Latest:
    """The newest value of one topic, sent on change and at most every `interval_s`; what it replaced is not missed.

    Not locked: the caller does. A new `interval_s` counts from the last time on.
    """

    def __init__(self, interval_s: float = 0.0) -> None:
        self.interval_s = interval_s
        self._value: Body | None = None
        self._told: Body | None = None
        self._taken_ns: int | None = None

    def put(self, value: Body) -> None:
        self._value = value

    def repeat(self) -> None:
        """A new connection knows nothing: the value is due again, at once."""
        self._told = self._taken_ns = None

    def wait_s(self, now_ns: int) -> float | None:
        """Seconds until a value is due (0: now), or None when the newest was taken."""
        if self._value is None:
            return None
        if self._told is None or self._taken_ns is None:
            return 0.0
        gone_s = (now_ns - self._taken_ns) / 1e9
        if _core(self._value) == _core(self._told) and gone_s < REFRESH_S:
            return None
        return max(0.0, self.interval_s - gone_s)

    def take(self, now_ns: int, *, hurry: bool = False) -> Body | None:
        """The newest value if it is due (`hurry`: or held back): the caller sends it."""
        wait_s = self.wait_s(now_ns)
        if wait_s is None or (wait_s > 0 and not hurry):
            return None
        self._told, self._taken_ns = self._value, now_ns
        return self._value


def _core(value: Body) -> Body:
    return {key: entry for key, entry in value.items() if key not in _NOT_A_CHANGE}
