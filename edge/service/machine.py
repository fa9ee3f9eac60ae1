"""What the machine itself says: temperature, whether its firmware holds it back, whether its clock is right."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from edge.clock import clock_synchronized

_LOG = logging.getLogger(__name__)

_THERMAL = Path("/sys/class/thermal")
#: A Raspberry Pi's firmware through its kernel driver; the same bits as `vcgencmd get_throttled`.
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
#: Documentation of the Raspberry Pi, "vcgencmd get_throttled": bits 0 to 3 are what is so now.
_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_CPU_ZONES = ("cpu", "soc", "x86_pkg", "bcm")
# A clock that is right stays so for hours, and asking systemd for it starts a program.
_CLOCK_S = 60.0


class Machine:
    """What was seen of the machine when it was last looked at.

    Args:
        firmware: the file in which it tells of throttling.
        ask_clock: tells whether something keeps the clock right, None where nobody knows.
    """

    def __init__(
        self,
        firmware: Path = _THROTTLED,
        ask_clock: Callable[[], bool | None] = clock_synchronized,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        #: Why it is held back, as of `throttling`; None: not known.
        self.throttled: tuple[str, ...] | None = None
        #: None: not known.
        self.clock_synchronized: bool | None = None
        self._firmware = firmware
        self._ask_clock = ask_clock
        self._now_s = now_s
        self._clock_due_s = 0.0

    def look(self) -> None:
        """Look again; at a clock that is right only once a minute. The log is told when it is set, and when not."""
        self.throttled = throttling(self._firmware)
        now_s = self._now_s()
        if self.clock_synchronized and now_s < self._clock_due_s:
            return
        self._clock_due_s = now_s + _CLOCK_S
        before, self.clock_synchronized = self.clock_synchronized, self._ask_clock()
        if self.clock_synchronized is False and before is not False:
            _LOG.info("the clock is not synchronised: events and health say so until it is (timedatectl)")
        elif self.clock_synchronized and before is False:
            _LOG.info("the clock is synchronised")


def cpu_temperature_c(thermal: Path = _THERMAL) -> float | None:
    """The processor's temperature (of several the hottest), None where the kernel does not tell.

    A Jetson has ten zones and the processor's need not be the first: it is known by its type.
    """
    zones = {}
    for zone in sorted(thermal.glob("thermal_zone*")) if thermal.is_dir() else ():
        try:
            kind = (zone / "type").read_text(encoding="utf-8").strip().casefold()
            zones[zone.name] = (kind, int((zone / "temp").read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):  # a zone that is asleep says so by an error
            continue
    cpu = [celsius for kind, celsius in zones.values() if kind.startswith(_CPU_ZONES)]
    return max(cpu or [celsius for _, celsius in zones.values()], default=None)


def throttling(path: Path = _THROTTLED) -> tuple[str, ...] | None:
    """Why the machine is held back now (empty: it is not); None where its firmware does not tell."""
    try:
        bits = int(path.read_text(encoding="ascii"), 16)
    except (OSError, ValueError):
        return None
    return tuple(word for number, word in enumerate(_BITS) if bits & (1 << number))
