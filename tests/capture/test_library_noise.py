from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

_OPEN = """
import ctypes, sys
if sys.argv[1] == "silent":
    from edge.capture.library_noise import silence_sound_libraries
    silence_sound_libraries()
    silence_sound_libraries()
handle = ctypes.c_void_p()
print(ctypes.CDLL("libasound.so.2").snd_pcm_open(ctypes.byref(handle), b"no-such-device", 0, 0))
"""


def _opened(how: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", _OPEN, how], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout), done.stderr


def test_alsa_complains_of_devices_that_nobody_asked_for_until_it_is_silenced():
    try:
        ctypes.CDLL("libasound.so.2")
    except OSError:
        pytest.skip("needs ALSA's library (libasound2)")
    loud, complaint = _opened("loud")
    silent, nothing = _opened("silent")
    assert loud == silent < 0  # the caller still learns of it
    assert "no-such-device" in complaint
    assert nothing == ""
