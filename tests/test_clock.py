"""Whether the clock is right, as this machine tells."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

import pytest

from edge.clock import clock_synchronized, systemd_synchronized


class NtpTime(ctypes.Structure):
    """struct ntptimeval of ntp_gettime(3): the same question by another call."""

    _fields_ = [("seconds", ctypes.c_long), ("micros", ctypes.c_long), ("rest", ctypes.c_long * 8)]


def test_it_says_what_the_kernel_says():
    state = ctypes.CDLL(None).ntp_gettime(ctypes.byref(NtpTime()))
    assert clock_synchronized() is (state != 5)


def timedatectl(folder: Path, script: str) -> list[str]:
    """A program in place of systemd's, which most machines that run tests do not have."""
    program = folder / "timedatectl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return [str(program), "show"]


@pytest.mark.parametrize(("said", "synchronized"), [("yes", True), ("no", False)])
def test_what_timedated_says_of_now_counts_before_what_was_once(tmp_path, said, synchronized):
    (tmp_path / "touched").touch()
    assert systemd_synchronized(timedatectl(tmp_path, f"echo {said}"), tmp_path / "touched") is synchronized


@pytest.mark.parametrize(
    ("ago_s", "synchronized"),
    [
        (60, True),
        pytest.param(10 * 3600, None, id="nobody has kept it since"),
        pytest.param(-3600, None, id="it was set back since"),
    ],
)
def test_where_timedated_does_not_answer_the_last_synchronisation_counts(tmp_path, ago_s, synchronized):
    touched = tmp_path / "touched"
    touched.touch()
    os.utime(touched, times=(time.time() - ago_s,) * 2)
    assert systemd_synchronized(timedatectl(tmp_path, "exit 1"), touched) is synchronized
    assert systemd_synchronized([str(tmp_path / "none")], touched) is synchronized


def test_nobody_tells(tmp_path):
    assert systemd_synchronized([str(tmp_path / "none")], tmp_path / "touched") is None
