"""The learning rate, and what of a model is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.keras_start import start_keras
from convert.run import Run
from edge.errors import ConfigError
from edge.perceive.inputs import FaceInput

pytestmark = pytest.mark.usefixtures("eager")


def _recipe(**values):
    from convert.fit import Recipe

    sound = Recipe(10, 4, 0.01, 0.0, 2, 0.0, 0.5, 1)
    return replace(sound, **values)


def _fit(folder: Path, resume: bool = False, breaks_at: int = -1, two: bool = True, validation=None, **values):
    """Two columns of numbers, the larger of which is to be found; with `two` heads the second says the same."""
    import keras

    from convert.fit import fit

    keras.utils.set_random_seed(3)
    inputs = keras.layers.Input((2,))
    x = keras.layers.Dense(2)(inputs)
    heads = [keras.layers.Dense(2, name=name)(x) for name in ("logits", "other")]
    model = keras.Model(inputs, keras.layers.Concatenate(name="both")(heads) if two else heads[0])
    loss = keras.losses.MeanSquaredError()

    def batches(epoch: int):
        if epoch == breaks_at:
            raise RuntimeError("the power fails")
        rng = np.random.default_rng(epoch)
        for _ in range(3):
            numbers = rng.normal(size=(4, 2)).astype(np.float32)
            yield numbers, np.concatenate([numbers, numbers], axis=1) if two else numbers

    run = Run("face", FaceInput(24, 24, 1, -1, 1, 0), ("a", "b"), {})
    metrics = ["mse"] if validation is None else [keras.metrics.CategoricalAccuracy("accuracy")]
    return fit(model, batches, 3, _recipe(**values), run, folder, validation, resume, loss, metrics)


def test_the_rate_warms_up_and_falls_to_nothing():
    from convert.fit import learning_rate

    recipe = _recipe()
    assert learning_rate(recipe, 0.0) == pytest.approx(0.01 / 25)
    assert learning_rate(recipe, 0.1) == pytest.approx(0.01 * 13 / 25)
    assert learning_rate(recipe, 0.2) == pytest.approx(0.01)
    assert learning_rate(recipe, 0.6) == pytest.approx(0.005)
    assert learning_rate(recipe, 1.0) == pytest.approx(0.0)


def test_both_heads_are_kept_each_as_a_model(tmp_path: Path):
    keras = start_keras(tmp_path / "log", tensorflow=True)
    kept = _fit(tmp_path / "run", epochs=2)
    assert kept.output_shape == (None, 2)
    other = keras.models.load_model(tmp_path / "run" / "other" / "model.keras")
    assert [layer.name for layer in other.layers][-1] == "other"
    both = keras.models.load_model(tmp_path / "run" / "last.keras")
    assert both.output_shape == (None, 4)


@pytest.mark.parametrize("two", [True, False])
def test_what_is_kept_carries_no_optimizer(two: bool, tmp_path: Path):
    """It would make the file four times as large."""
    start_keras(tmp_path / "log", tensorflow=True)
    assert not _fit(tmp_path / "run", two=two, epochs=1).compiled


def test_an_interrupted_run_goes_on_only_when_asked_and_ends_as_one_that_was_not(tmp_path: Path):
    start_keras(tmp_path / "log", tensorflow=True)
    whole = _fit(tmp_path / "whole", epochs=4)
    with pytest.raises(Exception, match="the power fails"):
        _fit(tmp_path / "parts", epochs=4, breaks_at=2)
    with pytest.raises(ConfigError, match="holds a training run already"):
        _fit(tmp_path / "parts", epochs=4)
    parts = _fit(tmp_path / "parts", resume=True, epochs=4)
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    rows = (tmp_path / "parts" / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2", "3"]


def test_a_short_training_is_not_averaged_with_the_random_weights_it_began_with(tmp_path: Path):
    keras = start_keras(tmp_path / "log", tensorflow=True)
    kept = _fit(tmp_path / "run", two=False, epochs=10, ema=0.999)
    last = keras.models.load_model(tmp_path / "run" / "last.keras")
    for averaged, weight in zip(kept.get_weights(), last.get_weights(), strict=True):
        np.testing.assert_allclose(averaged, weight, rtol=1e-5)


def test_the_best_epoch_is_kept_and_without_a_better_one_the_training_stops(tmp_path: Path):
    """Of a rate of nothing no epoch is better than the first."""
    start_keras(tmp_path / "log", tensorflow=True)
    numbers = np.random.default_rng(9).normal(size=(8, 2)).astype(np.float32)
    _fit(tmp_path / "run", two=False, validation=(numbers, numbers), epochs=9, patience=2, learning_rate=0.0)
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(rows) == 1 + 1 + 2
    assert json.loads((tmp_path / "run" / "progress.json").read_text())["finished"]
    written = [(tmp_path / "run" / name).stat().st_mtime_ns for name in ("model.keras", "last.keras")]
    assert written[0] < written[1]
