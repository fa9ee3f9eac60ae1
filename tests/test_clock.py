"""Whether the clock is right, as this machine tells."""

from __future__ import annotations

import ctypes

from edge.clock import clock_synchronized


class NtpTime(ctypes.Structure):
    """struct ntptimeval of ntp_gettime(3): the same question by another call."""

    _fields_ = [("seconds", ctypes.c_long), ("micros", ctypes.c_long), ("rest", ctypes.c_long * 8)]


def test_it_says_what_the_kernel_says():
    state = ctypes.CDLL(None).ntp_gettime(ctypes.byref(NtpTime()))
    assert clock_synchronized() is (state != 5)
