"""How the service is asked to end."""

from __future__ import annotations

import signal


class StopRequest:
    """A wish to end, from a signal or from another thread.

    Not a `threading.Event`: its lock may be held by the very thread that the signal interrupts.
    """

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        self.asked = True


def stop_on_signals() -> StopRequest:
    """From now on SIGTERM and SIGINT set the request that is returned. To be called in the main thread."""
    request = StopRequest()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, request.ask)
    return request
