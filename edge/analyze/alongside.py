"""Work of one file in threads of its own, where cores are free: order and results are those of one thread.

Decoding, models and encoding leave Python while they work, so that threads do run side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")

# Pictures that wait on each side: enough for a hiccup, few enough for a film in 4K.
_DEPTH = 3
_END: Any = object()


def ahead(items: Iterable[T]) -> Iterator[T]:
    """`items`, the next few made by a thread before they are asked for; what making one raises comes in its turn."""
    iterator = iter(items)
    with ThreadPoolExecutor(1, "ahead") as thread:
        waiting = deque(thread.submit(next, iterator, _END) for _ in range(_DEPTH))
        try:
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(thread.submit(next, iterator, _END))
                yield item
        finally:
            for future in waiting:
                future.cancel()


class Behind:
    """Makes calls in their order in a thread, and waits where too many wait; what one raises is raised by a later one,
    or at the end. Where the end is an error, calls that have not begun are not made."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "behind")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Behind:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            while self._waiting and error is None:
                self._waiting.popleft().result()
        finally:
            self._thread.shutdown(cancel_futures=True)

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        if len(self._waiting) >= _DEPTH:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(function, *arguments))
