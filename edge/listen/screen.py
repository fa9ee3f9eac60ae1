"""A live table in a terminal: a row a device, refreshed in place, and below it what was told last."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge.listen import lines
from edge.listen.device import Device, Heard

#: Of an ECMA-48 terminal: clear all; go home; clear to the end of the line, of the screen; bold; the cursor away, back.
_CLEAR, _HOME, _EOL, _EOS, _BOLD, _PLAIN = "\x1b[2J", "\x1b[H", "\x1b[K", "\x1b[J", "\x1b[1m", "\x1b[0m"
_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
#: Faster than this nobody reads.
_REFRESH_S = 0.25
_MOST_TOLD = 200
_WIDTHS = {"device": 16, "": 7, "now": 32, "events": 7, "late": 5, "gaps": 5, "invalid": 7, "last event": 46}

Size = Callable[[], tuple[int, int]]


@dataclass(slots=True)
class _Row:
    state: str = ""
    health: str = ""
    event: str = ""
    event_s: float = 0.0
    late: int = 0


class Screen:
    """Takes what is told, and draws.

    Args:
        write: text to the terminal, as it stands.
        size: columns and rows of the terminal, now.
    """

    def __init__(self, write: Callable[[str], None], size: Size) -> None:
        self._write = write
        self._size = size
        self._rows: dict[str, _Row] = {}
        self._told: deque[str] = deque(maxlen=_MOST_TOLD)
        self._drawn_s = 0.0
        self._title = ""

    def open(self) -> None:
        self._write(_HIDE + _CLEAR)

    def close(self) -> None:
        """Leave the cursor below the table, for what is printed next."""
        self._write(f"{_SHOW}\n")

    def say(self, text: str) -> None:
        """A word about the connection: the headline."""
        self._title = lines.shown(text)

    def tell(self, heard: Heard, line: str, now_s: float) -> None:
        """Take one message; `line` is how it reads alone."""
        row = self._rows.setdefault(heard.device, _Row())
        if heard.problem or heard.name in ("event", "availability"):
            self._told.append(line)
        if heard.problem:
            return
        if heard.name == "state":
            row.state = heard.text
        elif heard.name == "health":
            row.health = heard.text
        elif heard.name == "event":
            row.event, row.event_s = heard.text, now_s
            row.late += bool(isinstance(heard.body, dict) and heard.body.get("late"))

    def draw(self, devices: Iterable[Device], now_s: float, *, at_once: bool = False) -> None:
        """Refresh the terminal, if it is time."""
        if now_s - self._drawn_s < _REFRESH_S and not at_once:
            return
        self._drawn_s = now_s
        columns, rows = self._size()
        head = " ".join(f"{name:<{width}}" for name, width in _WIDTHS.items())
        body = [self._title, _BOLD + head[: columns - 1] + _PLAIN]
        for device in sorted(devices, key=lambda device: device.id):
            row = self._rows.get(device.id, _Row())
            body.append(self._line(device, row, now_s))
            if row.health:
                body.append(f"  {row.health}")
        body = body[: max(1, rows - 4)]
        free = rows - len(body) - 2
        if free > 0:
            body += ["", *list(self._told)[-free:]]
        cut = [line if line.startswith(_BOLD) else line[: columns - 1] for line in body]
        self._write(_HOME + "".join(f"{line}{_EOL}\n" for line in cut[: rows - 1]) + _EOS)

    @staticmethod
    def _line(device: Device, row: _Row, now_s: float) -> str:
        ago = f"{now_s - row.event_s:.0f} s ago: {row.event}" if row.event else ""
        gaps = device.ledger.missing + device.ledger.conceded
        cells = [
            lines.shown(device.id),
            device.available,
            row.state,
            device.ledger.events,
            row.late,
            gaps,
            device.invalid,
            ago,
        ]
        return " ".join(f"{str(c)[:w]:<{w}}" for c, w in zip(cells, _WIDTHS.values(), strict=True))


def clock_line(heard: Heard) -> str:
    """What was heard in one line, with the time of day."""
    mark = "!!" if heard.problem else "  "
    return f"{time.strftime('%H:%M:%S')} {mark} {heard.device:<16} {heard.name:<12} {heard.text}"
