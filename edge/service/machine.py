"""What the machine itself says: temperature, and whether its firmware holds it back."""

from __future__ import annotations

from pathlib import Path

_THERMAL = Path("/sys/class/thermal")
#: A Raspberry Pi's firmware through its kernel driver; the same bits as `vcgencmd get_throttled`.
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
#: Documentation of the Raspberry Pi, "vcgencmd get_throttled": bits 0 to 3 are what is so now.
_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_CPU_ZONES = ("cpu", "soc", "x86_pkg", "bcm")


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
