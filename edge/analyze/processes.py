"""What the processes of a batch have in common: how they begin, when they end, and what is said of that."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait

#: A process of its own state: a fork would copy the threads of libraries, and what accelerators hold.
SPAWN = multiprocessing.get_context("spawn")
#: Begins with what its parent has imported; for a process that has loaded no model yet.
FORK = multiprocessing.get_context("fork")


def begin() -> None:
    """To be called first in a process that another has spawned: it ends with that one, and not by Ctrl-C, which is for
    the one who was asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Who is killed cannot end those that it has started, which may be in a decoder for long."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - `begin` is for processes that have one
    wait([parent.sentinel])
    os._exit(1)


def brought_down(code: int | None) -> str:
    """What to say of a file that ended a process with this exit code."""
    how = f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit code {code}"
    why = "memory has probably run out" if code == -signal.SIGKILL else "the file is probably damaged"
    return f"reading it brought the process down ({how}); {why}"


@contextmanager
def project_warnings() -> Iterator[list[str]]:
    """What this project warns of meanwhile: with many files, a log far from them would help nobody."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("edge")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
