"""Processes that analyse uploads: few, each with its models loaded once, ended when one takes too long."""

from __future__ import annotations

import logging
import multiprocessing
import threading
from typing import Any

from edge.config import Config
from edge.web.judge import Unreadable, Work, serve_work

_LOG = logging.getLogger(__name__)
_CONTEXT = multiprocessing.get_context("spawn")
# Starting: imports and models, on a slow device that does other things.
_START_S = 60.0


class TooLong(Exception):
    """The analysis took longer than it may; its process was ended."""


class Process:
    """One process, started when it is first needed and again after its end. One thread at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._process: Any = None
        self._connection: Any = None
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, work: Work, limit_s: float) -> dict[str, Any] | Unreadable:
        """The answer to `work`; a file that brings the process down is unreadable.

        Raises:
            TooLong: no answer within `limit_s`.
        """
        fresh = self._start()
        if self._closed:
            raise TooLong
        try:
            self._connection.send(work)
            if not self._connection.poll(limit_s + (_START_S if fresh else 0)):
                self._end()
                raise TooLong
            answer: dict[str, Any] | Unreadable = self._connection.recv()
            return answer
        except (EOFError, BrokenPipeError, ConnectionResetError):
            code = self._end()
            _LOG.warning("an upload brought the process that analyses down (exit code %s); it is started again", code)
            return Unreadable("it cannot be decoded: it is damaged, or unpacks to more than this service takes")

    def close(self) -> None:
        """End the process; whoever waits for an answer is told that it is unreadable."""
        self._closed = True
        self._end()

    def _start(self) -> bool:
        with self._lock:
            if self._closed or (self._process is not None and self._process.is_alive()):
                return False
            self._connection, theirs = _CONTEXT.Pipe()
            self._process = _CONTEXT.Process(target=serve_work, args=(theirs, self._config), daemon=True)
            self._process.start()
            theirs.close()
            return True

    def _end(self) -> int | None:
        with self._lock:
            if self._process is None:
                return None
            self._process.kill()
            self._process.join()
            code: int | None = self._process.exitcode
            self._connection.close()
            self._process = None
            return code
