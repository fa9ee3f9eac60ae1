"""Several processes, each with the models loaded once; a file that brings one down is told, and costs no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from edge.analyze.inputs import Input
from edge.analyze.one_file import Job, Models, analyze_file
from edge.analyze.processes import SPAWN, begin, brought_down
from edge.analyze.summary import Summary
from edge.errors import ModelError


class _Worker:
    """One process, and the file it is at."""

    def __init__(self, job: Job) -> None:
        self.connection, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(theirs, job))  # no daemon: it may start another
        self.process.start()
        theirs.close()
        self.item: Input | None = None

    def give(self, item: Input) -> None:
        self.item = item
        self.connection.send(item)

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join()


def analyze_all(
    items: Sequence[Input], job: Job, processes: int, tell: Callable[[Input, float, float], None]
) -> Iterator[Summary]:
    """The summaries of `items` as they are done; `tell` is given a file, the share of it done and its seconds done.

    Raises:
        ModelError: a model cannot be used.
    """
    left = list(reversed(items))
    workers: list[_Worker] = []
    try:
        for _ in range(min(processes, len(items))):
            workers.append(_Worker(job))
            workers[-1].give(left.pop())
        while workers:
            ready = wait([worker.connection for worker in workers])
            for worker in [worker for worker in workers if worker.connection in ready]:
                item = worker.item
                assert item is not None  # noqa: S101 - a worker without one has been ended
                try:
                    message = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    worker.process.join()
                    yield _crashed(item, job, worker.process.exitcode)
                    workers.remove(worker)
                    worker.end()
                    if left:
                        workers.append(_Worker(job))
                        workers[-1].give(left.pop())
                    continue
                if isinstance(message, ModelError):
                    raise message
                if isinstance(message, Summary):
                    yield message
                    if left:
                        worker.give(left.pop())
                    else:
                        workers.remove(worker)
                        worker.end()
                else:
                    tell(item, *message)
    finally:
        for worker in workers:
            worker.end()


def _serve(connection: Connection[Any, Any], job: Job) -> None:
    """The process: files in, what is done of them and their summaries out."""
    begin()
    logging.basicConfig(level="ERROR")
    models = Models(job.config)
    try:
        while True:
            item = connection.recv()
            connection.send(analyze_file(item, job, models, lambda share, seconds: connection.send((share, seconds))))
    except ModelError as error:
        connection.send(error)
    except (EOFError, BrokenPipeError):
        return  # whoever asked is gone


def _crashed(item: Input, job: Job, code: int | None) -> Summary:
    failure = f"{item.path}: {brought_down(code)}"
    summary = Summary(str(item.path), str(item.folder), made_with=job.made_with, failure=failure)
    folder = job.out / item.folder
    folder.mkdir(parents=True, exist_ok=True)
    summary.write(folder)
    return summary
