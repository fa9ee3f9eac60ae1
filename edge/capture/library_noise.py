"""Keeping ALSA's and JACK's own complaints out of the log.

PortAudio looks at every sound system and device there may be, and these two libraries print to stderr for each that
is not there: dozens of lines at each opening, none of them about the device that was asked for. What matters comes
back to the caller as an error anyway.
"""

from __future__ import annotations

import ctypes
import functools

# ALSA calls with (file, line, function, code, format, ...): the rest may be left out, the caller clears the stack.
_ALSA = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
_JACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
# The libraries keep only the address: the callbacks must live as long as the process.
_ignore_alsa = _ALSA(lambda *_: None)
_ignore_jack = _JACK(lambda *_: None)


@functools.cache
def silence_sound_libraries() -> None:
    """Once in a process; a library that is not installed cannot be noisy."""
    for library, setter, callback in (
        ("libasound.so.2", "snd_lib_error_set_handler", _ignore_alsa),
        ("libjack.so.0", "jack_set_error_function", _ignore_jack),
        ("libjack.so.0", "jack_set_info_function", _ignore_jack),
    ):
        try:
            getattr(ctypes.CDLL(library), setter)(callback)
        except (OSError, AttributeError):
            continue
