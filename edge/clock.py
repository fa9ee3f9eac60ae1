"""Is the clock on the wall right? A Raspberry Pi has none that runs while it is off."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

# Of adjtimex(2): the return value while the kernel's clock is not synchronised.
_TIME_ERROR = 5
_MOST_TIMEX_BYTES = 512  # struct timex is 208 bytes on 64 bit Linux
_TIMEDATECTL = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
_ANSWER_S = 2.0
#: Touched by systemd-timesyncd(8) after each synchronisation.
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
# So long the kernel itself trusts a clock after the last synchronisation: 16 s of error at 500 ppm (adjtimex(2)).
_TRUSTED_S = 32_000.0


def clock_synchronized() -> bool | None:
    """Whether something (NTP, PTP, GPS) keeps this clock right; None where nobody tells.

    The kernel knows (adjtimex(2)), but under ProtectClock= systemd lets nobody ask: then systemd is asked, which starts
    a program.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    # All zeros: change nothing (modes = 0), only tell.
    state = libc.adjtimex(ctypes.create_string_buffer(_MOST_TIMEX_BYTES)) if hasattr(libc, "adjtimex") else -1
    if state >= 0:
        return bool(state != _TIME_ERROR)
    return systemd_synchronized()


def systemd_synchronized(command: Sequence[str] = _TIMEDATECTL, touched: Path = _TIMESYNCD) -> bool | None:
    """What systemd says: timedated asks the kernel now; where it does not answer, when timesyncd did it last."""
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_ANSWER_S, env={"PATH": os.defpath}
        )
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    else:
        said = done.stdout.strip()
    if said in ("yes", "no"):
        return said == "yes"
    try:
        ago_s = time.time() - touched.stat().st_mtime
    except OSError:
        return None
    # In the future, or long ago: the clock has been set otherwise since, or nobody keeps it any more.
    return True if 0 <= ago_s < _TRUSTED_S else None
