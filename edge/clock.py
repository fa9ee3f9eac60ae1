"""Is the clock on the wall right? A Raspberry Pi has none that runs while it is off."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path

# Of adjtimex(2): the return value while the kernel's clock is not synchronised.
_TIME_ERROR = 5
_MOST_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64 bit Linux
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
_ANSWER_S = 2.0


def clock_synchronized() -> bool | None:
    """Whether something (NTP, PTP, GPS) keeps this clock right; None where nobody tells.

    The kernel knows (adjtimex(2)), but under ProtectClock= systemd lets nobody ask: then systemd is asked.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    # All zeros: change nothing (modes = 0), only tell.
    state = libc.adjtimex(ctypes.create_string_buffer(_MOST_TIMEX_BYTES)) if hasattr(libc, "adjtimex") else -1
    if state >= 0:
        return bool(state != _TIME_ERROR)
    if _TIMESYNCD.exists():
        return True
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_ANSWER_S, env={"PATH": os.defpath}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(done.stdout.strip())
