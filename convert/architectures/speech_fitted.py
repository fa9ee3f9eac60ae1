"""Speech models that are solved, not trained by steps: classifiers of statistics over time, to compare with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.architectures.speech import over_time
from edge.errors import ConfigError

_HIDDEN = 1000
_RIDGE = 10.0
_SVM_C = 0.01


def svm(tensors: NDArray[np.float32], labels: NDArray[np.int64], classes: int, seed: int) -> Any:
    """A linear support-vector machine (Cortes and Vapnik 1995), one class against the rest.

    Args:
        tensors: float32 [N, frames, channels]; labels int64 [N].

    Returns:
        A `keras.Model`: float32 [B, frames, channels] -> margins float32 [B, classes], usable as logits.
    """
    svms = _sklearn("sklearn.svm")
    return _solved(tensors, labels, classes, svms.LinearSVC(C=_SVM_C, class_weight="balanced", random_state=seed), None)


def elm(tensors: NDArray[np.float32], labels: NDArray[np.int64], classes: int, seed: int) -> Any:
    """An extreme learning machine (Huang et al. 2006): a hidden layer of random weights, then ridge regression."""
    linear = _sklearn("sklearn.linear_model")
    return _solved(tensors, labels, classes, linear.RidgeClassifier(alpha=_RIDGE, class_weight="balanced"), seed)


def _sklearn(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f"this architecture needs scikit-learn: {error}. Install 'emotion-edge[convert]'.") from error


def _solved(
    tensors: NDArray[np.float32], labels: NDArray[np.int64], classes: int, classifier: Any, hidden_seed: int | None
) -> Any:
    import keras
    from keras import layers

    inputs, x = over_time(tensors.shape[1:])
    mean = layers.GlobalAveragePooling2D(keepdims=True)(x)
    deviation = layers.GlobalAveragePooling2D()(keras.ops.abs(layers.Subtract()([x, mean])))
    # A pooling as long as the window: the reduction to a maximum has no int8 form.
    highest = layers.Flatten()(layers.MaxPooling2D((x.shape[1], 1))(x))
    x = layers.Concatenate()([layers.Flatten()(mean), deviation, highest])
    scaling = layers.Dense(x.shape[-1], name="standardised")
    x = scaling(x)
    statistics = np.asarray(keras.Model(inputs, _identity(scaling, x)).predict(tensors, verbose=0), np.float64)
    spread = statistics.std(axis=0) + 1e-6
    scaling.set_weights([np.diag(1 / spread), -statistics.mean(axis=0) / spread])
    if hidden_seed is not None:
        rng = np.random.default_rng(hidden_seed)
        hidden = layers.Dense(_HIDDEN, activation="tanh", name="random")
        x = hidden(x)
        count = statistics.shape[1]
        hidden.set_weights([rng.normal(0, count**-0.5, (count, _HIDDEN)), rng.normal(0, 1, _HIDDEN)])
    known = keras.Model(inputs, x)
    classifier.fit(known.predict(tensors, verbose=0), labels)
    logits = layers.Dense(classes, name="logits")
    model = keras.Model(inputs, logits(x))
    weights = np.zeros((x.shape[-1], classes), np.float32)
    bias = np.full(classes, -10.0, np.float32)  # a class without an example is never said
    coefficients, intercepts = np.atleast_2d(classifier.coef_), np.atleast_1d(classifier.intercept_)
    if len(classifier.classes_) == 2:  # scikit-learn then gives the second class's alone
        coefficients, intercepts = (np.concatenate([-values, values]) for values in (coefficients, intercepts))
    weights[:, classifier.classes_] = coefficients.T
    bias[classifier.classes_] = intercepts
    logits.set_weights([weights, bias])
    return model


def _identity(scaling: Any, x: Any) -> Any:
    """`x` with `scaling` passing everything on as it is."""
    count = x.shape[-1]
    scaling.set_weights([np.eye(count), np.zeros(count)])
    return x
