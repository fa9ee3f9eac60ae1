"""The loss of two heads, against numbers computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.keras_start import start_keras


@pytest.fixture(scope="module")
def loss(tmp_path_factory: pytest.TempPathFactory) -> Any:
    start_keras(tmp_path_factory.mktemp("log") / "keras.log", tensorflow=True)
    from convert.face_loss import SoftTargetLoss

    return SoftTargetLoss(2, 0.5, reduction=None)


LOGITS = np.log(np.array([[0.5, 0.5, 0.2, 0.8]], np.float32))


def value(loss: Any, wanted: list[float]) -> float:
    return float(np.asarray(loss(np.array([wanted], np.float32), LOGITS))[0])


def test_each_head_counts_by_its_weight_and_each_row_by_its_sum(loss: Any):
    assert value(loss, [1, 0, 0, 0]) == pytest.approx(-np.log(0.5))
    assert value(loss, [0, 0, 0, 1]) == pytest.approx(-0.5 * np.log(0.8))
    assert value(loss, [3, 0, 0, 0]) == pytest.approx(-3 * np.log(0.5))
    assert value(loss, [0, 0, 0, 0]) == 0.0  # votes that are not known teach nothing


def test_its_gradient_pulls_towards_the_target_by_the_weight_of_the_row(loss: Any):
    import tensorflow as tf

    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        said = loss(np.array([[2.0, 0.0, 0.0, 0.0]], np.float32), logits)
    np.testing.assert_allclose(tape.gradient(said, logits), [[-1.0, 1.0, 0.0, 0.0]], atol=1e-6)


def test_it_is_restored_with_its_numbers(loss: Any):
    again = type(loss).from_config(loss.get_config())
    assert (again.classes, again.votes_weight) == (2, 0.5)


def test_the_accuracy_is_that_of_the_first_head(loss: Any):
    from convert.face_loss import FirstAccuracy

    metric = FirstAccuracy(2)
    wanted = np.array([[0, 1, 1, 0], [1, 0, 0, 1]], np.float32)
    metric.update_state(wanted, np.array([[0, 1, 0, 9], [0, 1, 0, 9]], np.float32))
    assert float(metric.result()) == 0.5
