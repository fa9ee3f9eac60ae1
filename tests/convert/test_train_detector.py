"""A short run of the detector leaves what quantization and a longer run need."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from convert.run import Run, read_run
from edge.errors import ConfigError

pytestmark = pytest.mark.timeout(400)  # TensorFlow compiles and converts: minutes on a busy machine


def test_a_run_says_what_it_is_and_keeps_its_weights(detector_run):
    import keras

    import convert.detector_loss
    import convert.fused_normalisation  # noqa: F401

    run = read_run(detector_run)
    assert (run.task, run.labels, run.about["data"]) == ("detector", ("face",), ["photos"])
    with (detector_run / "history.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert 0 < float(row["loss"]) < 1e4
    model = keras.models.load_model(detector_run / "model.keras", compile=False)
    answers = model(np.zeros((1, 64, 96, 3), np.float32))
    assert {name: tuple(value.shape) for name, value in answers.items()} == {
        "score": (1, 126, 1),
        "box": (1, 126, 4),
        "landmarks": (1, 126, 10),
    }


def test_a_run_is_not_overwritten_but_resumed(detector_run, small_photos):
    from convert.train_detector import RECIPE, train_detector

    done = replace(RECIPE, epochs=1, batch=3)
    with pytest.raises(ConfigError, match="holds a training run already"):
        train_detector(small_photos, detector_run, done, steps=2)
    train_detector(small_photos, detector_run, done, resume=True, steps=2)
    assert json.loads((detector_run / "progress.json").read_text())["epoch"] == 1


def test_a_training_ends_on_whole_photos_with_the_weights_of_the_run_before(detector_run, small_photos, tmp_path):
    import keras
    import tensorflow

    from convert.train_detector import RECIPE, _runs_before, train_detector

    tensorflow.config.run_functions_eagerly(True)  # a graph takes longer to compile than two steps
    try:
        still = replace(RECIPE, epochs=1, batch=3, learning_rate=1e-12, weight_decay=0.0)
        train_detector(small_photos, tmp_path / "end", still, steps=2, start=detector_run, whole=True)
    finally:
        tensorflow.config.run_functions_eagerly(False)
    about = read_run(tmp_path / "end").about
    assert (about["views"], about["start"]["views"]) == ("mostly of whole photos", "of crops, mosaics and whole photos")
    assert _runs_before(about) == 1  # so that it sees other views than that run
    kernels = [
        keras.models.load_model(run / "model.keras", compile=False).get_layer("stem_conv").get_weights()[0]
        for run in (detector_run, tmp_path / "end")
    ]
    np.testing.assert_allclose(*kernels, atol=1e-6)


def test_a_network_of_smaller_kernels_is_a_start_that_computes_the_same(tmp_path, monkeypatch):
    """Its kernels lie in the middle of the larger ones."""
    from convert.architectures import detector
    from convert.keras_start import start_keras
    from convert.train_detector import DETECTOR_INPUT, _trainable

    start_keras(tmp_path / "keras.log", tensorflow=True)
    monkeypatch.setattr(detector, "_BODY_KERNELS", (3, 3, 3, 3))
    small = detector.pyramid((None, None, 3))
    monkeypatch.undo()
    small.save(tmp_path / "model.keras")
    Run("detector", DETECTOR_INPUT, ("face",), {}).write(tmp_path)
    large = _trainable(tmp_path)
    assert large.count_params() > small.count_params()
    pictures = np.random.default_rng(4).uniform(-1, 1, (2, 96, 64, 3)).astype(np.float32)
    for name, expected in small(pictures).items():
        np.testing.assert_allclose(large(pictures)[name], expected, atol=1e-4)


def test_a_start_of_larger_kernels_is_refused(detector_run, monkeypatch):
    from convert.architectures import detector
    from convert.train_detector import _trainable

    monkeypatch.setattr(detector, "_BODY_KERNELS", (3, 3, 3, 3))
    with pytest.raises(ConfigError, match="expected the weights of this network, or of one with smaller kernels"):
        _trainable(detector_run)
    assert not (detector_run / "start.log").exists()  # it is somebody's run, nothing is written into it
