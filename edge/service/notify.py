"""Words to systemd, by its notification protocol: a datagram to the socket that it names (sd_notify(3))."""

from __future__ import annotations

import logging
import os
import socket

_LOG = logging.getLogger(__name__)


class Notifier:
    """Tells systemd how the service is; without `address` there is nobody to tell.

    Args:
        address: of $NOTIFY_SOCKET: a path, or a name in the abstract namespace that begins with ``@``.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        self._failing = False

    def tell(self, *assignments: str) -> None:
        """Send e.g. ``READY=1``, ``STATUS=...``, ``WATCHDOG=1``. A socket that takes nothing is one warning."""
        if self._socket is None:
            return
        try:
            # Not blocking: systemd that does not read must not stop us.
            self._socket.sendto("\n".join(assignments).encode(), socket.MSG_DONTWAIT, self._address)
            self._failing = False
        except OSError as error:
            if not self._failing:
                _LOG.warning("systemd: cannot be told %s: %s", assignments[0], error)
            self._failing = True


def notifier() -> Notifier:
    """The one of this process; the variable is for nobody else (sd_notify(3), unset_environment)."""
    return Notifier(os.environ.pop("NOTIFY_SOCKET", ""))


def watchdog_s() -> float:
    """How often systemd wants to hear from this process (sd_watchdog_enabled(3)); 0: it does not."""
    period, process = os.environ.pop("WATCHDOG_USEC", ""), os.environ.pop("WATCHDOG_PID", "")
    if not period.isdigit() or (process and process != str(os.getpid())):
        return 0.0
    return int(period) / 1e6
