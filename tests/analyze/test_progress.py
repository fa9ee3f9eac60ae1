"""What a person at a terminal sees of a batch that runs."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path


def test_a_bar_tells_speed_and_time_left(clip: Path, tmp_path: Path):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    command = [sys.executable, "-m", "edge", "analyze", str(clip), "--out", str(tmp_path / "out"), "--no-video"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # how a terminal tells that nobody writes to it any more
        pass
    finally:
        os.close(ours)
    assert running.wait(60) == 0
    text = shown.decode()
    assert re.search(r"\d+%\|.*\| [01]/1 files, \d+\.\d times real time \[\d\d:\d\d, (\d\d:\d\d|\?) left\]", text)
    assert "100%|" in text
    assert "1/1 files" in text
