"""From a run to a package that the device takes."""

from __future__ import annotations

import numpy as np
import pytest

from edge.perceive.detector import CellDetector
from edge.perceive.package import load_package

pytestmark = pytest.mark.timeout(400)  # TensorFlow compiles and converts: minutes on a busy machine


def test_the_package_is_int8_of_the_size_asked_for_and_says_its_figures(detector_package):
    package = load_package(detector_package, "detector")
    assert package.input.shape == (96, 128, 3)
    assert len((detector_package / "model.tflite").read_bytes()) < 250_000
    figures = package.metrics["held-out photos"]["int8"]
    assert figures["faces"] >= 1
    assert 0 <= figures["ap"] <= 1
    assert 0 < package.description["threshold"] < 1
    card = (detector_package / "README.md").read_text()
    assert "AP at IoU 0.4" in card
    assert "It finds faces and knows nobody" in card
    detector = CellDetector(package, 0.08)
    for found in detector.detect(np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8)):
        assert found.landmarks.shape == (5, 2)
        assert found.score >= 0.08
