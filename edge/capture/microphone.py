"""Microphones, through PyAudio (PortAudio): a driver for `BoundedSource`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from edge.capture.bounded import BoundedSource
from edge.capture.chunks import ChunkCutter
from edge.capture.library_noise import silence_sound_libraries
from edge.capture.raw_sound import RawSound
from edge.capture.sample_clock import SampleClock
from edge.capture.source import CHUNK_SAMPLES, SAMPLE_RATE_HZ
from edge.config import MicrophoneConfig
from edge.errors import CaptureError
from edge.installation import install_extra
from edge.records import AudioChunk

OPEN_S = 8.0
#: A live microphone gives a chunk every 32 ms, silence too.
PATIENCE_S = 2.0
#: Chunks that may wait for a busy reader: 4 s.
KEEP_CHUNKS = 125
ADVICE = "Check the plug and the sound server (arecord -l, pactl info)."


class Microphone(BoundedSource[AudioChunk]):
    """``default`` or ``device:NAME``, where NAME is a part of the device's name (upper and lower case are equal)."""

    def __init__(self, microphone: MicrophoneConfig) -> None:
        self._overflows = 0
        super().__init__(
            lambda: _SoundCard(microphone.source, self._count_overflow),
            open_s=OPEN_S,
            read_s=PATIENCE_S,
            keep=KEEP_CHUNKS,
            advice=ADVICE,
        )

    @property
    def overflows(self) -> int:
        """How often sound was lost: by the driver, or because nobody read it in time."""
        return self._overflows + self.lost

    def _count_overflow(self) -> None:
        self._overflows += 1


class _SoundCard:
    """PortAudio is begun and ended with each opening: only then does it see what was plugged in meanwhile."""

    def __init__(self, source: str, count_overflow: Callable[[], None]) -> None:
        self.name = "microphone " + source
        self._count_overflow = count_overflow
        self._wanted = source.partition(":")[2]
        self._portaudio: Any = None
        self._stream: Any = None
        self._ready: deque[AudioChunk] = deque()
        self._end_ns = 0

    def open(self) -> None:
        try:
            import pyaudio
            import soxr  # noqa: F401  # used by RawSound; missed here, where the message can say so
        except ImportError as error:
            raise CaptureError(
                f"{self.name}: a microphone needs the libraries pyaudio and soxr ({error}). "
                f"Install them with: sudo apt install libportaudio2 && {install_extra('microphone')}"
            ) from error
        silence_sound_libraries()
        self._overflowed = pyaudio.paInputOverflowed
        self._portaudio = pyaudio.PyAudio()
        device = self._find()
        rates = dict.fromkeys((SAMPLE_RATE_HZ, int(device["defaultSampleRate"]), 48_000, 44_100))
        refusal: Exception | None = None
        # The first that opens wins: mono 16 kHz if the card (or the sound server) can, else what the card itself has.
        # Asking beforehand (is_format_supported) holds Python's lock, so that a hung sound server would stop us whole.
        for sample_format, dtype in ((pyaudio.paInt16, np.int16), (pyaudio.paFloat32, np.float32)):
            for rate_hz in rates:
                for channels in sorted({1, 2, int(device["maxInputChannels"])}):
                    if channels > device["maxInputChannels"]:
                        continue
                    try:
                        self._stream = self._portaudio.open(
                            rate_hz,
                            channels,
                            sample_format,
                            input=True,
                            input_device_index=device["index"],
                            frames_per_buffer=rate_hz * CHUNK_SAMPLES // SAMPLE_RATE_HZ,
                        )
                    except (OSError, ValueError) as error:
                        refusal = error
                        continue
                    self._rate_hz, self._format = rate_hz, (rate_hz, channels, dtype)
                    self._begin()
                    return
        raise CaptureError(
            f"{self.name}: expected {device['name']!r} to record at {' or '.join(map(str, rates))} Hz, "
            f"it refuses: {refusal}. Another program may hold it. {ADVICE}"
        )

    def read(self) -> AudioChunk:
        block = self._rate_hz * CHUNK_SAMPLES // SAMPLE_RATE_HZ
        while not self._ready:
            try:
                data = self._stream.read(block)
            except OSError as error:
                if error.errno != self._overflowed:
                    raise CaptureError(f"{self.name}: stopped giving sound: {error}. {ADVICE}") from error
                self._count_overflow()
                self._begin()
                continue
            if self._clock.arrived(block, time.monotonic_ns()):
                self._count_overflow()
            self._take(data)
        return self._ready.popleft()

    def close(self) -> None:
        portaudio, self._portaudio, self._stream = self._portaudio, None, None
        self._ready.clear()
        if portaudio is not None:
            portaudio.terminate()  # ends the stream too

    def _begin(self) -> None:
        """Sound begins here, or begins again after a loss: its time and what the resampler remembers start afresh."""
        self._clock = SampleClock(self._rate_hz, not_before_ns=self._end_ns)
        self._raw = RawSound(*self._format)
        self._cutter = ChunkCutter()
        self._chunks = 0

    def _take(self, data: bytes) -> None:
        for samples in self._cutter.cut(self._raw.convert(data)):
            start_ns = self._clock.time_ns(self._chunks * CHUNK_SAMPLES / SAMPLE_RATE_HZ)
            chunk = AudioChunk(samples, SAMPLE_RATE_HZ, start_ns)
            self._chunks += 1
            self._end_ns = chunk.end_ns
            self._ready.append(chunk)

    def _find(self) -> dict[str, Any]:
        count = self._portaudio.get_device_count()
        inputs = [self._portaudio.get_device_info_by_index(number) for number in range(count)]
        inputs = [device for device in inputs if device["maxInputChannels"] > 0]
        listed = "; ".join(dict.fromkeys(str(device["name"]) for device in inputs)) or "none"
        if not self._wanted:
            try:
                return dict(self._portaudio.get_default_input_device_info())
            except OSError as error:
                raise CaptureError(
                    f"{self.name}: this machine has no default microphone. Inputs found: {listed}. {ADVICE}"
                ) from error
        word = self._wanted.casefold()
        found = [device for device in inputs if device["name"].casefold() == word]
        found = found or [device for device in inputs if word in device["name"].casefold()]
        if not found or len({device["name"] for device in found}) > 1:
            raise CaptureError(
                f"{self.name}: expected one microphone whose name has {self._wanted!r}, found {len(found)}. "
                f"Set [microphone] source to 'device:' and a part of one of these names: {listed}."
            )
        return dict(found[0])
