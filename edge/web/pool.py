"""The process that analyses uploads, with its models loaded once; it is ended when one takes too long."""

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
_START_S = 120.0


class TooLong(Exception):
    """The analysis took longer than it may; its process was ended."""


class NotReady(Exception):
    """The process cannot work, for a reason that is not in the upload; the message says what to do."""


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
            NotReady: its models cannot be used, or the server is at its end.
            TooLong: no answer within `limit_s`.
        """
        self._start()
        try:
            self._connection.send(work)
            if not self._connection.poll(limit_s):
                self._end()
                raise TooLong
            answer: dict[str, Any] | Unreadable = self._connection.recv()
            return answer
        except (EOFError, OSError):
            code = self._end()
            _LOG.warning("an upload brought the process that analyses down (exit code %s); it is started again", code)
            return Unreadable("it cannot be decoded: it is damaged, or unpacks to more than this service takes")

    def close(self) -> None:
        """End the process; whoever waits for an answer is told that it is unreadable."""
        self._closed = True
        self._end()

    def _start(self) -> None:
        with self._lock:
            if self._closed:
                raise NotReady("the server is at its end: send it again later")
            if self._process is not None and self._process.is_alive():
                return
            self._connection, theirs = _CONTEXT.Pipe()
            self._process = _CONTEXT.Process(target=serve_work, args=(theirs, self._config), daemon=True)
            self._process.start()
            theirs.close()
        try:
            why = self._connection.recv() if self._connection.poll(_START_S) else f"no start within {_START_S:g} s"
        except (EOFError, OSError):
            why = "the process that analyses ended at its start: see the log"
        if why:
            self._end()
            _LOG.error("nothing that is sent can be analysed: %s", why)
            raise NotReady(why)

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
