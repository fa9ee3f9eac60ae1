"""What a network knows of a face before its last layer, and a support-vector machine on it, to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.datasets.faces import Faces
from edge.errors import ConfigError
from edge.perceive.inputs import FaceInput
from edge.perceive.pictures import face_tensor

_MOST = 6000  # training faces: the time of a kernel machine grows with their square
_BATCH = 256


def before_last(model: Any) -> Any:
    """The part of a Keras `model` that makes the input of its layer ``logits``.

    Raises:
        ConfigError: there is no such layer.
    """
    import keras

    try:
        return keras.Model(model.input, model.get_layer("logits").input)
    except ValueError as error:
        raise ConfigError(
            "embeddings: the network is inside another (PCA) and has no layer 'logits' of its own."
        ) from error


def embeddings(model: Any, faces: Faces, spec: FaceInput) -> NDArray[np.float32]:
    """float32 [N, D]: what `before_last` of `model` makes of each face.

    Raises:
        ConfigError: as of it.
    """
    inner = before_last(model)
    found = [
        inner.predict_on_batch(np.stack([face_tensor(image, spec) for image in faces.images[start : start + _BATCH]]))
        for start in range(0, len(faces), _BATCH)
    ]
    return np.concatenate(found).astype(np.float32)


def svm_accuracy(model: Any, train: Faces, test: Faces, spec: FaceInput, seed: int = 7) -> float:
    """Accuracy on `test` of an RBF support-vector machine (C = 1) trained on embeddings of at most 6,000 of `train`."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    chosen = train.only(np.random.default_rng(seed).permutation(len(train))[:_MOST])
    machine = make_pipeline(StandardScaler(), SVC(C=1.0, kernel="rbf"))
    machine.fit(embeddings(model, chosen, spec), chosen.labels)
    return float((machine.predict(embeddings(model, test, spec)) == test.labels).mean())
