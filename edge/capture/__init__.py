"""capture: a camera or a microphone, or a recording of one, becomes `Frame` and `AudioChunk` records.

Nothing seen or heard is ever written to disk here.
"""

from edge.capture.configured import camera_source, microphone_source
from edge.capture.source import CHUNK_SAMPLES, SAMPLE_RATE_HZ, AudioSource, FrameSource

__all__ = [
    "CHUNK_SAMPLES",
    "SAMPLE_RATE_HZ",
    "AudioSource",
    "FrameSource",
    "camera_source",
    "microphone_source",
]
