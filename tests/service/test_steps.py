"""What is seen and heard by each step: nothing of a muted sense, and changes are made by the thread that fuses."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from skimage.data import astronaut

from edge.demo.clip import synthetic_voice
from edge.records import EMOTIONS, AudioChunk, Box, FaceObservation, Frame

FACE = FaceObservation(1, Box(0, 0, 90, 90), 0.9, 1.0, np.eye(len(EMOTIONS), dtype=np.float32)[3], 0)


class Witness:
    """Looks over the shoulder, as the local page does."""

    def __init__(self) -> None:
        self.faces: list[int] = []
        self.voices: list[float] = []

    def saw(self, frame: Frame, faces: list[FaceObservation]) -> None:
        self.faces.append(len(faces))

    def heard(self, chunk: AudioChunk, voice: float) -> None:
        self.voices.append(voice)


@pytest.fixture
def witness(steps) -> Witness:
    steps.onlookers.append(Witness())
    return steps.onlookers[0]


def picture() -> Frame:
    return Frame(np.ascontiguousarray(astronaut()[:300]), 0, 0)


def chunk(number: int) -> AudioChunk:
    return AudioChunk(synthetic_voice(2)[number * 512 : (number + 1) * 512], 16_000, number * 32_000_000)


def test_who_looks_on_is_shown_everything_but_what_is_muted(steps, witness):
    assert len(steps.look(picture())) == 1
    for number in range(31):
        steps.listen(chunk(number))
    assert (witness.faces, len(witness.voices), max(witness.voices) > 0.5) == ([1], 31, True)
    steps.muted |= {"face", "speech"}
    assert steps.look(picture()) == []
    assert steps.listen(chunk(31)) == []
    assert (len(witness.faces), len(witness.voices)) == (1, 31)


def test_what_a_muted_sense_gave_before_is_not_fused(steps):
    steps.muted.add("face")
    steps.publish([FACE], 0, live=False)
    assert (steps.estimate, steps.meters.faces) == (None, 0)
    steps.muted.clear()
    steps.publish([FACE], 0, live=False)
    assert steps.estimate.subject == "face-1"
    assert steps.meters.faces == 1


def test_an_order_is_carried_out_by_the_thread_that_fuses(steps):
    steps.publish([FACE], 0, live=False)
    by: list[str] = []

    def change():
        by.append(threading.current_thread().name)
        return steps._pipeline.fuser.close()

    done = steps.order(change)
    assert not done.done()
    fusing = threading.Thread(target=steps.obey, name="fusing")
    fusing.start()
    done.result(30)
    fusing.join(30)
    assert by == ["fusing"]
    assert steps.estimate is None
