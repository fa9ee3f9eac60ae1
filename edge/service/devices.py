"""Camera and microphone as the configuration asks for them, ready to be read; nothing is opened here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from typing import TypeVar

from edge.capture import camera_source, microphone_source
from edge.config import Config
from edge.records import AudioChunk, Frame
from edge.service.flow import Flow
from edge.service.sensor import Sensor, Source
from edge.service.steps import Steps

T = TypeVar("T")

# Sound and picture of a recording begin this much later, so that the one that opens more slowly is not late.
_OPENING_NS = 300_000_000


def build_sensors(
    config: Config, flow: Flow, steps: Steps, muted: Collection[str]
) -> tuple[Sensor[Frame] | None, Sensor[AudioChunk] | None]:
    """Camera and microphone, which deliver to `flow`; None for one that is not enabled, whose end is told at once.

    Args:
        muted: ``camera`` and ``microphone``, if they are to be kept closed from the start.

    Raises:
        CaptureError: no source has this form.
    """
    origin_ns = time.monotonic_ns() + _OPENING_NS

    def sensor(
        kind: str,
        configured: str,
        source: Source[T],
        deliver: Callable[[T], int],
        ended: threading.Event,
        lost: Callable[[], int] = lambda: 0,
    ) -> Sensor[T]:
        return Sensor(
            kind,
            source,
            deliver,
            is_recording(configured),
            steps.stop,
            ended,
            lost,
            muted=kind in muted,
            step=lambda: steps.progress.step(kind),
        )

    camera: Sensor[Frame] | None = None
    microphone: Sensor[AudioChunk] | None = None
    if config.camera.enabled:
        frames = camera_source(config.camera, config.replay, origin_ns)
        deliver = counting_unread(flow.deliver_frame)
        camera = sensor("camera", config.camera.source, frames, deliver, steps.camera_ended)
    else:
        steps.camera_ended.set()
    if config.microphone.enabled:
        source = config.microphone.source
        sound = microphone_source(config.microphone, config.replay, origin_ns)
        microphone = sensor(
            "microphone", source, sound, flow.deliver_chunk, steps.microphone_ended, lambda: sound.overflows
        )
    else:
        steps.microphone_ended.set()
    return camera, microphone


def counting_unread(deliver: Callable[[Frame], int]) -> Callable[[Frame], int]:
    """`deliver`, which also counts as dropped what is missing in the frames' numbers: the source itself had to let
    those go, because nobody read them in time."""
    expected = 0

    def deliver_frame(frame: Frame) -> int:
        nonlocal expected
        unread = max(0, frame.sequence - expected)
        expected = frame.sequence + 1
        return unread + deliver(frame)

    return deliver_frame


def is_recording(source: str) -> bool:
    """Whether this source of a camera or microphone is a file or a folder of files: it ends, and never comes back."""
    return source.startswith(("file:", "images:"))
