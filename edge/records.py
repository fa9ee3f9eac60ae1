"""The values that flow: capture -> perceive -> fuse -> publish.

All times named ``*_ns`` are monotonic nanoseconds (`time.monotonic_ns`, or the time stamps of a replayed file on
the same scale). UTC appears only in publish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

#: Order and spelling of the emotions, everywhere. Probabilities are float32 [K] in this order.
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
#: What is reported when no emotion is probable enough: abstaining beats guessing.
UNCERTAIN = "uncertain"

Modality = Literal["face", "speech", "text"]
EventType = Literal["presence.start", "presence.end", "emotion.start", "emotion.change", "emotion.end"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of the camera: `image` uint8 [H, W, 3] RGB."""

    image: NDArray[np.uint8]
    captured_ns: int
    sequence: int


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A stretch of sound: `samples` float32 [N] mono in [-1, 1]; `start_ns` is the time of the first sample."""

    samples: NDArray[np.float32]
    sample_rate_hz: int
    start_ns: int

    @property
    def end_ns(self) -> int:
        return self.start_ns + len(self.samples) * 1_000_000_000 // self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the frame, top-left corner and size."""

    x: float
    y: float
    width: float
    height: float

    def iou(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        overlap_x = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        overlap_y = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if overlap_x <= 0 or overlap_y <= 0:
            return 0.0
        overlap = overlap_x * overlap_y
        return overlap / (self.width * self.height + other.width * other.height - overlap)


@dataclass(frozen=True, slots=True, eq=False)
class FaceObservation:
    """What one face in one frame shows: calibrated `probabilities` float32 [K]; `quality` in [0, 1].

    `abstained` says why the face is not judged, in words for a person; then `quality` is 0 and nothing is probable.
    """

    track_id: int
    box: Box
    detection_score: float
    quality: float
    probabilities: NDArray[np.float32]
    captured_ns: int
    abstained: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SpeechObservation:
    """What one window of speech sounds like: calibrated `probabilities` float32 [K].

    `speech_ratio` is the share of the window's chunks that hold a voice, `quality` how far to trust it; both in [0, 1].
    """

    speech_ratio: float
    quality: float
    probabilities: NDArray[np.float32]
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class TextObservation:
    """What the words of an utterance say: `probabilities` float32 [K].

    `quality` in [0, 1]: 0 where they say nothing of an emotion. `words` is empty unless a person asked for them.
    """

    quality: float
    probabilities: NDArray[np.float32]
    said_ns: int
    words: str = ""


Observation = FaceObservation | SpeechObservation | TextObservation


def modality_of(observation: Observation) -> Modality:
    """The sense that `observation` is of."""
    if isinstance(observation, FaceObservation):
        return "face"
    return "speech" if isinstance(observation, SpeechObservation) else "text"


@dataclass(frozen=True, slots=True, eq=False)
class Sensed:
    """What one sense said last of somebody: `probabilities` float32 [K], `quality` in [0, 1], and how long ago."""

    probabilities: NDArray[np.float32]
    quality: float
    age_ms: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """One modality's part in an estimate; `weight` in [0, 1], the weights of an estimate sum to 1."""

    weight: float
    quality: float
    observed_ns: int
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class EmotionEstimate:
    """The fused estimate of one subject at `time_ns`.

    `emotion` is the stable label after smoothing, hysteresis and dwell, or ``uncertain``; `confidence` its
    probability (the highest probability when uncertain). `agreement` in [0, 1] compares the modalities; None when
    only one speaks. `start_ns` is when `emotion` began.
    """

    subject: str
    emotion: str
    confidence: float
    probabilities: Mapping[str, float]
    valence: float
    arousal: float
    agreement: float | None
    modalities: Mapping[Modality, Evidence]
    start_ns: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """A change that a hub can act on. `duration_ms` is how long what ended (or was replaced) had lasted."""

    type: EventType
    estimate: EmotionEstimate
    previous: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class SensorHealth:
    """A camera's or microphone's state: ``off`` by configuration, ``starting``, ``ok``, ``down`` (see `reason`),
    ``muted`` by a person (the device is closed), or ``ended`` (a file at its end). Counts are since start; `rate_hz` is
    frames or chunks a second since the last report.
    """

    state: Literal["off", "starting", "ok", "down", "muted", "ended"]
    reason: str = ""
    source: str = ""
    rate_hz: float = 0.0
    read: int = 0
    dropped: int = 0
    reopened: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """The service's own numbers. Latency is capture to publish of frames since the last report; None without any.

    `faces_not_judged` counts, by reason, those of `faces_observed` that were seen too poorly.
    """

    uptime_s: float
    camera: SensorHealth
    microphone: SensorHealth
    faces_observed: int
    speech_observed: int
    events: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    rss_bytes: int
    cpu_share: float
    temperature_c: float | None
    #: At most so many frames a second are looked at (None: no camera), and why not all: ``cpu``, ``heat`` or empty.
    looked_hz: float | None = None
    held_back: str = ""
    skipped: int = 0
    #: What the firmware holds the machine back for; None where it does not tell.
    throttled: tuple[str, ...] | None = None
    #: Whether the clock on the wall is kept right; None where nobody tells.
    clock_synchronized: bool | None = None
    faces_not_judged: Mapping[str, int] = field(default_factory=dict)
    #: Utterances whose words were judged, and those let go because recognition was too slow.
    text_observed: int = 0
    text_dropped: int = 0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is told of a loaded model; `metrics` is the package's own table of measured figures.

    `accelerator` is where it runs (``cpu``, ``gpu``, ``npu``, ``external``), `accelerator_reason` why there.
    """

    task: str
    name: str
    version: str
    sha256: str
    licence: str
    metrics: Mapping[str, object]
    accelerator: str = "cpu"
    accelerator_reason: str = ""
