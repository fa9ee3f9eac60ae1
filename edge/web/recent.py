"""The last minutes in numbers, in memory only: what the page's timelines are drawn from."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from edge.perceive.vad import level_dbfs
from edge.records import EMOTIONS, AudioChunk

#: A row is made so often, and so many are kept: ten minutes.
INTERVAL_S = 0.5
_ROWS = 1200
# A meter rises at once and falls by 20 dB in 1.7 s, as peak programme meters do (IEC 60268-10, type I); 32 ms a chunk.
_FALL_DB = 20 / 1.7 * 0.032
# Voice activity is shown as the highest of a quarter of a second.
_LATELY = 8
#: Digital silence: the least that 16 bits can tell from it is -96 dBFS.
_SILENCE_DBFS = -100.0

#: Seconds since 1970; the probabilities in the order of EMOTIONS, None: nobody there; the sound's level in dBFS and the
#: highest voice activity, None: nothing was listened to.
Row = tuple[float, list[float] | None, float | None, float | None]


class Recent:
    """Fed by the service's threads, read by the event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: deque[tuple[int, Row]] = deque(maxlen=_ROWS)
        self._made = 0
        self._due_s = 0.0
        self._power: list[float] = []
        self._voice: list[float] = []
        self._lately: deque[float] = deque(maxlen=_LATELY)
        #: Level in dBFS and voice activity of now, both steadied for a person to read.
        self.sound: tuple[float, float] | None = None

    def heard(self, chunk: AudioChunk, voice: float) -> None:
        """Take a chunk of sound with its voice activity in [0, 1]; nothing is kept but these two numbers."""
        level = max(level_dbfs(chunk.samples), _SILENCE_DBFS)
        with self._lock:
            self._lately.append(voice)
            shown = max(level, self.sound[0] - _FALL_DB) if self.sound else level
            self.sound = round(shown, 1), round(max(self._lately), 2)
            self._power.append(10 ** (level / 10))
            self._voice.append(voice)
            del self._power[:-64], self._voice[:-64]

    def state(self, body: Mapping[str, Any]) -> None:
        """Take a state as it is published; it comes a few times a second, whether anything changes or not."""
        now_s = time.time()
        with self._lock:
            # A clock that is set back begins a new row, too.
            if self._due_s - INTERVAL_S <= now_s < self._due_s:
                return
            self._due_s = now_s + INTERVAL_S
            named = body["probabilities"]
            probabilities = [round(named[emotion], 3) for emotion in EMOTIONS] if named else None
            level = 10 * math.log10(sum(self._power) / len(self._power)) if self._power else None
            row: Row = (
                round(now_s, 2),
                probabilities,
                None if level is None else round(level, 1),
                round(max(self._voice), 2) if self._voice else None,
            )
            if not self._voice:  # muted, or not there
                self.sound = None
                self._lately.clear()
            self._power, self._voice = [], []
            self._made += 1
            self._rows.append((self._made, row))

    def rows(self, after: int = 0) -> tuple[int, list[Row]]:
        """The number of the newest row, and all rows that came after the one numbered `after`."""
        with self._lock:
            newest = self._rows[-1][0] if self._rows else 0
            if newest == after:
                return newest, []
            return newest, [row for number, row in self._rows if number > after]
