"""Loss and accuracy for the face networks' two heads: the shipped one, and one that only helps to train."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("emotion_edge")
class SoftTargetLoss(keras.losses.Loss):  # type: ignore[misc]  # keras is untyped
    """Cross-entropy with soft targets of any sum: a row's sum is its weight, a row of zeros counts for nothing.

    The first `classes` columns are the shipped head; those behind, if any, the FER+ votes, weighted by `votes_weight`.
    """

    def __init__(self, classes: int, votes_weight: float, name: str = "soft_targets", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.classes = classes
        self.votes_weight = votes_weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        first = slice(None, self.classes)
        loss = _cross_entropy(y_true[:, first], y_pred[:, first])
        if y_pred.shape[-1] > self.classes:
            behind = slice(self.classes, None)
            loss += self.votes_weight * _cross_entropy(y_true[:, behind], y_pred[:, behind])
        return loss

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes, "votes_weight": self.votes_weight}


@keras.saving.register_keras_serializable("emotion_edge")
class FirstAccuracy(keras.metrics.MeanMetricWrapper):  # type: ignore[misc]  # keras is untyped
    """Accuracy of the first `classes` columns."""

    def __init__(self, classes: int, name: str = "accuracy", **options: Any) -> None:
        def right(y_true: Any, y_pred: Any) -> Any:
            return keras.metrics.categorical_accuracy(y_true[:, :classes], y_pred[:, :classes])

        super().__init__(right, name=name, **options)
        self.classes = classes

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "classes": self.classes}


def _cross_entropy(wanted: Any, logits: Any) -> Any:
    # Keras' own kernel takes a row's sum for 1 in its gradient.
    return -keras.ops.sum(wanted * keras.ops.log_softmax(logits, axis=-1), axis=-1)
