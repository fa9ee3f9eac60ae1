"""What every camera, microphone and recording looks like to the service."""

from __future__ import annotations

from typing import Protocol

from edge.records import AudioChunk, Frame

#: All sound leaves this room at this rate, mono, in chunks of this many samples (32 ms: what the voice detector takes).
SAMPLE_RATE_HZ = 16_000
CHUNK_SAMPLES = 512


class FrameSource(Protocol):
    """A source of pictures. Making one touches no device; `open` does; after a failure it may be opened again."""

    @property
    def name(self) -> str:
        """The source for logs and health, never with a password."""

    def open(self) -> None:
        """Begin, or begin again.

        Raises:
            CaptureError: the device or file cannot be used; the message says what was expected, found, and to do.
        """

    def read(self) -> Frame | None:
        """The next frame, waiting for it a bounded time; None at the end of a recording.

        Raises:
            CaptureError: the device failed, gave nothing for some seconds, or was closed meanwhile.
        """

    def close(self) -> None:
        """Let the device go. May be called at any time, from any thread, more than once; ends a waiting `read`."""


class AudioSource(Protocol):
    """A source of sound: as `FrameSource`, with chunks of CHUNK_SAMPLES at SAMPLE_RATE_HZ.

    A chunk's `start_ns` follows the end of the chunk before within 10 ms, unless sound was lost: then it jumps ahead.
    """

    @property
    def name(self) -> str: ...

    @property
    def overflows(self) -> int:
        """How often sound was lost since the source was made."""

    def open(self) -> None: ...

    def read(self) -> AudioChunk | None: ...

    def close(self) -> None: ...
