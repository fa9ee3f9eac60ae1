"""Pictures with a face, and the shipped models."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from edge.perceive.package import Task, find_package, load_package
from edge.perceive.runtime import Model


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """uint8 [480, 640, 3] RGB with one frontal face of about 250 pixels near (290, 180)."""
    return np.asarray(cv2.resize(astronaut()[20:224, 90:362], (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="session")
def wall() -> np.ndarray:
    """The same size, nobody there."""
    return np.full((480, 640, 3), 96, np.uint8)


@pytest.fixture(scope="session")
def shipped():
    """Load a shipped model: shipped("face")."""

    def load(task: Task) -> Model:
        return Model(load_package(find_package(f"{task}-emotion"), task))

    return load


@pytest.fixture(scope="session")
def ravdess_sentence(packs) -> np.ndarray:
    """float32 [N] at 16 kHz: "Kids are talking by the door" (RAVDESS, actor 1, happy)."""
    from convert.datasets.sound import read_sound

    return read_sound(packs("ravdess") / "03-01-03-01-01-01-01.flac")
