"""Single steps in this process: bare model calls, a frame, a second of sound.

In processor time, which says nearly the same beside other work. Each step runs in one thread, so on a quiet machine it
is the time by the clock too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from edge.config import Config, FaceConfig, SpeechConfig
from edge.demo.clip import synthetic_voice
from edge.perceive.detector import CellDetector, FaceDetector
from edge.perceive.engine import Engine
from edge.perceive.face import FacePerception
from edge.perceive.package import Task, find_package, load_package
from edge.perceive.runtime import Model
from edge.perceive.speech import SpeechPerception
from edge.perceive.vad import ACTIVITIES, CHUNK_SAMPLES, VoiceActivity
from edge.records import AudioChunk, Frame

#: The face detectors whose frames are measured, beside the configuration's own.
DETECTORS = ("face-detector", "face-detector-far")
# Times that the same sound is heard; the median is told.
_TURNS = 5


def portrait() -> np.ndarray:
    """A 640x480 picture with one frontal face of about 250 pixels: uint8 [480, 640, 3] RGB."""
    from skimage.data import astronaut

    return np.asarray(cv2.resize(astronaut()[20:224, 90:362], (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Median of the processor time of `work`, after a warm-up."""
    for _ in range(max(3, times // 10)):
        work()
    return float(np.median([_cpu_ms(work) for _ in range(times)]))


def _cpu_ms(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1000


def model(task: Task, name: str) -> Model:
    return Model(load_package(find_package(name), task))


def rows(calls: int = 300, frames: int = 80, sound_s: int = 20) -> Iterator[tuple[str, str]]:
    """What was measured and its figure, each as soon as it is known.

    Args:
        calls: repetitions of a bare model call.
        frames: repetitions of a frame's path; the first tenth warms up.
        sound_s: seconds of speech, and of silence, to listen to.
    """
    config = Config()
    cv2.setNumThreads(1)
    face, speech = model("face", config.face.model), model("speech", config.speech.model)
    tensor = face.quantized(np.zeros(face.package.input.shape, np.float32))
    window = np.zeros(speech.package.input.shape, np.float32)
    bare_face = milliseconds(lambda: face.probabilities(tensor), calls)
    bare_speech = milliseconds(lambda: speech.probabilities(window), calls)
    yield "face model, bare call", f"{bare_face:.2f} ms of CPU"
    yield "speech model, bare call", f"{bare_speech:.2f} ms of CPU"

    for detector in dict.fromkeys((*DETECTORS, config.face.detector)):
        for what, figure in frame_rows(replace(config.face, detector=detector), face, frames):
            yield f"{detector}: {what}", figure

    for name, sound in (("speech", synthetic_voice(sound_s)), ("silence", np.zeros(sound_s * 16_000, np.float32))):
        chunks = sound[: len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
        for activity in ACTIVITIES:
            voice = ACTIVITIES[activity](config.speech.quiet_dbfs)
            begin = time.process_time()
            for chunk in chunks:
                voice.probability(chunk)
            cpu_ms = (time.process_time() - begin) * 1000 / (len(chunks) * 0.032)
            yield f"a second of {name}: voice activity {activity}", f"{cpu_ms:.1f} ms of CPU"
        heard = [_heard(config.speech, speech, chunks) for _ in range(_TURNS)]
        whole, voice_ms = np.median(heard, axis=0)[:2]
        yield (
            f"a second of {name}: voice activity, MFCC, classify",
            f"{whole:.1f} ms of CPU ({heard[0][2]} windows in {sound_s} s)",
        )
        yield f"  of which voice activity {config.speech.voice_activity}", f"{voice_ms:.1f} ms"
        yield "  of which MFCC, classify", f"{whole - voice_ms:.1f} ms"


def _heard(config: SpeechConfig, model: Model, chunks: np.ndarray) -> tuple[float, float, int]:
    """Milliseconds of CPU for a second of sound, those of them for voice activity, and the windows that were judged."""
    voice = _Timed(ACTIVITIES[config.voice_activity](config.quiet_dbfs))
    listener = SpeechPerception(config, voice, model)
    windows, begin = 0, time.process_time()
    for number, chunk in enumerate(chunks):
        windows += listener.observe(AudioChunk(chunk, 16_000, number * 32_000_000)) is not None
    seconds = len(chunks) * 0.032
    return (time.process_time() - begin) * 1000 / seconds, voice.taken_ms / seconds, windows


class _Timed:
    """A voice activity that knows what it took."""

    def __init__(self, voice: VoiceActivity) -> None:
        self._voice = voice
        self.quiet_dbfs = voice.quiet_dbfs
        self.reset = voice.reset
        self.taken_ms = 0.0

    def probability(self, samples: np.ndarray) -> float:
        begin = time.process_time()
        told = self._voice.probability(samples)
        self.taken_ms += (time.process_time() - begin) * 1000
        return told

    def confirmed(self) -> bool:
        begin = time.process_time()
        told = self._voice.confirmed()
        self.taken_ms += (time.process_time() - begin) * 1000
        return told


def frame_rows(config: FaceConfig, face: Model, times: int) -> Iterator[tuple[str, str]]:
    """The path of a frame against its bare calls, in turns: a change of the clock rate falls on all alike.

    Bare calls take a tensor of the model's own numbers: the classifier's gives probabilities, the detector's raw
    outputs. They follow each other as in a frame: a classifier called again and again keeps all its weights in the
    cache, where no frame ever finds them (that call is told too). A further face is what a picture with two costs more
    than one of the same size with one, detection and all.
    """
    image = portrait()
    half = image[:, 160:480]  # holds the face
    pictures = [image, np.hstack([half, np.full_like(half, 96)]), np.hstack([half, half])]
    detector, bare_detector = _detector(config)
    tensor = face.quantized(np.zeros(face.package.input.shape, np.float32))
    path, one, two = (_looker(config, detector, face, picture) for picture in pictures)
    found = [len(detector.detect(picture)) for picture in pictures]
    work: dict[str, Callable[[], object]] = {
        "detector": bare_detector,
        "classifier": lambda: face.probabilities(tensor),
        "again": lambda: face.probabilities(tensor),
        "detect": lambda: detector.detect(image),
        "path": path,
        "one": one,
        "two": two,
    }
    yunet = _yunet()
    if yunet is not None:
        square = np.zeros((320, 320, 3), np.uint8)
        work["YuNet"] = lambda: yunet.detect(square)
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(times):
        for name, call in work.items():
            taken[name].append(_cpu_ms(call))
    # By turns: what disturbs one falls on the other as well.
    taken["further"] = [more - less for less, more in zip(taken["one"], taken["two"], strict=True)]
    median = {name: float(np.median(values[times // 10 :])) for name, values in taken.items()}
    yield "bare model call", f"{median['detector']:.2f} ms of CPU"
    yield "640x480 frame to boxes", f"{median['detect']:.2f} ms of CPU"
    if "YuNet" in median:
        yield "  against YuNet at 320x320", f"x {median['detect'] / median['YuNet']:.2f}"
    yield "640x480 frame: detect, follow, align, judge, classify", f"{median['path']:.2f} ms of CPU ({found[0]} face)"
    bare = median["detector"] + median["classifier"]
    yield "  against the sum of bare model calls", f"x {median['path'] / bare:.2f}"
    if found == [1, 1, 2]:
        yield "  a further face against a bare classifier call", f"x {median['further'] / median['classifier']:.2f}"
        yield "  against one right after another", f"x {median['further'] / median['again']:.2f}"


def _detector(config: FaceConfig) -> tuple[CellDetector, Callable[[], object]]:
    """The detector as the service has it, and the bare call of its model."""
    detector = CellDetector(load_package(find_package(config.detector), "detector"))
    engine = Engine(detector.package.model_path)
    raw = engine.quantized(np.zeros(detector.package.input.shape, np.float32))
    detector.adopt(config.detection_score or None, config.smallest_px)
    return detector, partial(engine.run_quantized, raw)


def _looker(config: FaceConfig, detector: FaceDetector, face: Model, image: np.ndarray) -> Callable[[], object]:
    perception = FacePerception(replace(config, confirm_frames=1, detect_every=1), detector, face)
    sequence = iter(range(1_000_000))

    def look() -> None:
        number = next(sequence)
        perception.observe(Frame(image, number * 66_000_000, number))

    return look


def _yunet() -> cv2.FaceDetectorYN | None:
    """The peer, from the file that YUNET names; None without it."""
    path = os.environ.get("YUNET", "")
    return cv2.FaceDetectorYN.create(path, "", (320, 320), 0.6, 0.3, 5000) if path else None
