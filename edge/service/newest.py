"""A place for one item: the newest wins."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Hands items from one thread to another; an item not taken in time gives way to the next."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None

    def put(self, item: T) -> int:
        """Leave `item`; how many items (0 or 1) were dropped for it."""
        with self._condition:
            dropped = int(self._item is not None)
            self._item = item
            self._condition.notify()
            return dropped

    def get(self, timeout_s: float) -> T | None:
        """Take the item, waiting up to `timeout_s` for one; None if there is none."""
        with self._condition:
            if self._item is None:
                self._condition.wait(timeout_s)
            item, self._item = self._item, None
            return item
