from __future__ import annotations

from pathlib import Path

import numpy as np

from convert.architectures.residual import SMALL_WIDTHS
from convert.datasets.faces import LABELS, Faces
from convert.face_recipe import FaceRecipe
from convert.keras_start import start_keras


def test_a_support_vector_machine_learns_from_what_an_untrained_network_sees(tmp_path: Path):
    start_keras(tmp_path / "log", tensorflow=True)
    from convert.architectures.registry import build_face_network
    from convert.embeddings import embeddings, svm_accuracy

    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 80)
    images = rng.integers(0, 100, (80, 24, 24)).astype(np.uint8)
    images[labels == 1, :12] += 100  # bright above
    faces = Faces(images, labels, np.zeros((80, len(LABELS)), np.float32))
    spec = FaceRecipe(size=24).input
    model = build_face_network("edge-small", spec.shape, 7)
    assert embeddings(model, faces.only(np.arange(3)), spec).shape == (3, SMALL_WIDTHS[-1])
    kept, held = np.arange(80) < 60, np.arange(80) >= 60
    assert svm_accuracy(model, faces.only(kept), faces.only(held), spec) > 0.9
