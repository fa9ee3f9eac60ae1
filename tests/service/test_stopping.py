"""Signals become a request."""

from __future__ import annotations

import os
import signal

import pytest

from edge.service.stopping import stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_the_end(number: signal.Signals):
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        request = stop_on_signals()
        assert not request.asked
        os.kill(os.getpid(), number)
        assert request.asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
