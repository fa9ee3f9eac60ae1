"""A real process with the real models: it answers, is ended when it takes too long, and is started again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.config import Config
from edge.web.judge import Unreadable, Work
from edge.web.pool import NotReady, Process, TooLong


def black(width_px: int, height_px: int) -> bytes:
    return cv2.imencode(".png", np.zeros((height_px, width_px, 3), np.uint8))[1].tobytes()


@pytest.fixture
def process():
    process = Process(Config())
    yield process
    process.close()


@pytest.mark.timeout(300)
def test_an_analysis_that_takes_too_long_is_ended_and_the_next_one_answered(process) -> None:
    small = Work("face", black(64, 48), 10.0)
    assert process.ask(small, 60.0) == {"schema": 1, "width_px": 64, "height_px": 48, "faces": []}
    with pytest.raises(TooLong):
        process.ask(Work("face", black(6000, 6000), 10.0), 0.0)
    answer = process.ask(Work("face", b"no picture", 10.0), 60.0)
    assert isinstance(answer, Unreadable)
    assert "cannot be read as one" in answer.message
    process.close()
    with pytest.raises(NotReady, match="at its end"):
        process.ask(small, 60.0)
