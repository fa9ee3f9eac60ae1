"""Single steps in this process: bare model calls, a frame, a second of sound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from edge.config import Config, FaceConfig
from edge.demo.clip import synthetic_voice
from edge.perceive.detector import HaarDetector
from edge.perceive.face import FacePerception
from edge.perceive.package import Task, find_package, load_package
from edge.perceive.runtime import Model
from edge.perceive.speech import SpeechPerception
from edge.perceive.vad import ACTIVITIES, CHUNK_SAMPLES
from edge.records import AudioChunk, Frame


def portrait() -> np.ndarray:
    """A 640x480 picture with one frontal face of about 250 pixels: uint8 [480, 640, 3] RGB."""
    from skimage.data import astronaut

    return np.asarray(cv2.resize(astronaut()[20:224, 90:362], (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def milliseconds(work: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and 95th percentile of the wall time of `work`, after a warm-up."""
    for _ in range(max(3, times // 10)):
        work()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begin) * 1000)
    return float(np.median(taken)), float(np.percentile(taken, 95))


def model(task: Task, name: str) -> Model:
    return Model(load_package(find_package(name), task))


def rows() -> Iterator[tuple[str, str]]:
    config = Config()
    cv2.setNumThreads(1)
    face, speech = model("face", config.face.model), model("speech", config.speech.model)
    tensor = np.zeros(face.package.input.shape, np.float32)
    window = np.zeros(speech.package.input.shape, np.float32)
    bare_face, _ = milliseconds(lambda: face.probabilities(tensor), 300)
    bare_speech, _ = milliseconds(lambda: speech.probabilities(window), 300)
    yield "face model, bare call", f"{bare_face:.2f} ms"
    yield "speech model, bare call", f"{bare_speech:.2f} ms"

    image = portrait()
    detector = HaarDetector(FaceConfig().smallest_px, FaceConfig().neighbors)
    detect, _ = milliseconds(lambda: detector.detect(image), 60)
    perception = FacePerception(replace(config.face, confirm_frames=1), detector, face)
    sequence = iter(range(1_000_000))
    found = 0

    def look() -> None:
        nonlocal found
        number = next(sequence)
        found = len(perception.observe(Frame(image, number * 66_000_000, number)))

    whole, whole_p95 = milliseconds(look, 60)
    yield "640x480 frame: detect, crop, classify", f"{whole:.2f} ms (p95 {whole_p95:.2f} ms), {found} face"
    yield "  of which the Haar cascade", f"{detect:.2f} ms"
    yield "  the whole against its bare model call", f"x {whole / bare_face:.1f}"
    yield "  the whole less the cascade against its bare model call", f"x {(whole - detect) / bare_face:.2f}"

    for name, sound in (("speech", synthetic_voice(20)), ("silence", np.zeros(320_000, np.float32))):
        chunks = sound[: len(sound) // CHUNK_SAMPLES * CHUNK_SAMPLES].reshape(-1, CHUNK_SAMPLES)
        for activity in ACTIVITIES:
            voice = ACTIVITIES[activity](config.speech.quiet_dbfs)
            begin = time.process_time()
            for chunk in chunks:
                voice.probability(chunk)
            cpu_ms = (time.process_time() - begin) * 1000 / (len(chunks) * 0.032)
            yield f"a second of {name}: voice activity {activity}", f"{cpu_ms:.1f} ms of CPU"
        listener = SpeechPerception(
            config.speech, ACTIVITIES[config.speech.voice_activity](config.speech.quiet_dbfs), speech
        )
        windows, begin = 0, time.process_time()
        for number, chunk in enumerate(chunks):
            windows += listener.observe(AudioChunk(chunk, 16_000, number * 32_000_000)) is not None
        cpu_ms = (time.process_time() - begin) * 1000 / (len(chunks) * 0.032)
        yield (
            f"a second of {name}: voice activity, MFCC, classify",
            f"{cpu_ms:.1f} ms of CPU ({windows} windows in 20 s)",
        )
