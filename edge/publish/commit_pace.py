"""When the outbox commits: what an SD card stands, against how long an event may wait for company."""

from __future__ import annotations

import time
from dataclasses import dataclass

from edge.publish.bucket import Bucket

#: A commit costs an SD card at least a block: events that come faster than this share one. So do, in the long run,
#: those that come faster than `commit_hz`; a quiet time saves up for so many in a row. A full one need not wait.
_COMMIT_S = 0.1
SAVED_COMMITS = 3600
COMMIT_EVENTS = 500
#: What was acknowledged is deleted with the next event, or when there is so much of it, or after so long without one.
MOST_SETTLED, _SETTLED_S = 1000, 60.0


@dataclass(frozen=True, slots=True)
class Pending:
    """How many new and how many acknowledged events there are to commit; `hurry`: waiting for company gains nothing."""

    new: int
    settled: int
    hurry: bool


class CommitPace:
    """Says when to commit, in monotonic seconds. One thread's: the one that waits for the disk.

    Args:
        commit_hz: how many commits a second in the long run: the longest that an event waits for company is one by it.
    """

    def __init__(self, commit_hz: float) -> None:
        self._pace = Bucket(SAVED_COMMITS, commit_hz, time.monotonic())
        self._commit_s = self._expired_s = -1e9

    def next_s(self, now_s: float, pending: Pending) -> float:
        """When there may be something to commit."""
        due_s = [now_s + _SETTLED_S]
        if pending.new:
            due_s.append(self._due_s(now_s, pending))
        if pending.settled:
            due_s.append(self._commit_s + (_COMMIT_S if pending.settled >= MOST_SETTLED else _SETTLED_S))
        return min(due_s)

    def is_due(self, now_s: float, pending: Pending) -> bool:
        """Commit now?"""
        idle = pending.settled > 0 and now_s >= self._commit_s + _SETTLED_S
        full = pending.settled >= MOST_SETTLED
        return (pending.new > 0 and now_s >= self._due_s(now_s, pending)) or full or idle

    def expires(self, now_s: float) -> bool:
        """Whether the commit at `now_s` is to look for what is too old: seldom enough to cost nothing."""
        due = now_s - self._expired_s > _SETTLED_S
        if due:
            self._expired_s = now_s
        return due

    def committed(self, now_s: float) -> None:
        """A commit has ended."""
        self._commit_s = now_s
        self._pace.take(now_s)

    def _due_s(self, now_s: float, pending: Pending) -> float:
        """When what is new should be committed."""
        if pending.hurry:
            return self._commit_s
        due_s = self._commit_s + _COMMIT_S
        return due_s if pending.new >= COMMIT_EVENTS else max(due_s, now_s + self._pace.wait_s(now_s))
