"""The table: a row a device in its place, nothing wider or longer than the terminal, what is odd made harmless."""

from __future__ import annotations

import pytest

from edge.listen.device import Device, Heard
from edge.listen.screen import Screen


def frame(columns: int, rows: int, devices: int = 1, told: int = 3) -> list[str]:
    drawn: list[str] = []
    screen = Screen(drawn.append, lambda: (columns, rows))
    screen.say("listening to emotion/+/#")
    known = [Device(f"pi-{number:03}", None, available="online") for number in range(devices)]
    for device in known:
        screen.tell(Heard(device.id, "state", "2 there: face-1 happy 0.81"), "", 10.0)
        screen.tell(Heard(device.id, "health", "camera ok 15.0/s"), "", 10.0)
        for number in range(told):
            body = {"late": number == 0}
            screen.tell(Heard(device.id, "event", f"#{number} emotion.change", body), f"line {number}", 11.0 + number)
    screen.draw(known, 20.0)
    screen.draw(known, 20.1)
    assert len(drawn) == 1  # not faster than anybody reads
    return drawn[0].replace("\x1b[H", "").replace("\x1b[J", "").replace("\x1b[1m", "").split("\x1b[K\n")


def test_a_row_tells_state_events_and_health() -> None:
    title, _head, row, health, *rest = frame(150, 24)
    assert title == "listening to emotion/+/#"
    assert row.split()[:8] == ["pi-000", "online", "2", "there:", "face-1", "happy", "0.81", "0"]
    assert "1     0     0       7 s ago: #2 emotion.change" in row
    assert health == "  camera ok 15.0/s"
    assert rest[1:4] == ["line 0", "line 1", "line 2"]


@pytest.mark.parametrize(("columns", "rows"), [(20, 5), (80, 24), (200, 8)])
def test_it_fits(columns, rows) -> None:
    lines = frame(columns, rows, devices=30, told=50)
    assert len(lines) <= rows
    assert all(len(line.replace("\x1b[0m", "")) < columns for line in lines)
