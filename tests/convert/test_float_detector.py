"""A detector of one's own in whatever form, and one that answers in another way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.float_detector import load_detector
from convert.float_model import FloatModel
from convert.keras_start import output_to, start_keras
from edge.errors import ConfigError
from edge.perceive.cells import BOX, LANDMARK_UNIT, LANDMARKS, OFFSETS, SCORE, STRIDES
from edge.perceive.engine import Engine

pytestmark = pytest.mark.timeout(400)  # TensorFlow compiles and converts: minutes on a busy machine
SHAPE = (64, 96, 3)
NUMBERS = {"score": SCORE, "box": BOX, "landmarks": LANDMARKS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("detectors")


def detector(shape: tuple[int | None, ...]) -> Any:
    """Outputs of a detector from as few layers as can be."""
    from keras import Model, layers

    inputs = layers.Input(shape)
    seen = [layers.Conv2D(8, 3, strides=stride, padding="same")(inputs) for stride in STRIDES]
    return Model(inputs, {name: _cells(seen, numbers) for name, numbers in NUMBERS.items()})


def _cells(seen: list[Any], numbers: int) -> Any:
    from keras import layers

    return layers.Concatenate(axis=1)([layers.Reshape((-1, numbers))(layers.Conv2D(numbers, 1)(x)) for x in seen])


@pytest.fixture(scope="module")
def network(folder: Path) -> Any:
    """A detector for pictures of any size, whose outputs are what they mean."""
    start_keras(folder / "log", tensorflow=True).utils.set_random_seed(1)
    return detector((None, None, 3))


def _answers(model: FloatModel, folder: Path, picture: np.ndarray) -> dict[int, np.ndarray]:
    (folder / "made.tflite").write_bytes(model.tflite)
    return {output.shape[-1]: output for output in Engine(folder / "made.tflite").run(picture)}


def test_each_form_is_read_and_answers_as_a_package_does(network: Any, folder: Path):
    network.save(folder / "own.keras")
    with output_to(folder / "log"):
        network.export(folder / "saved", verbose=False)
    picture = np.random.default_rng(0).uniform(-1, 1, SHAPE).astype(np.float32)
    own = load_detector(folder / "own.keras", folder / "log", SHAPE)
    told = {name: output.numpy()[0] for name, output in network(picture[np.newaxis]).items()}
    for name, numbers in NUMBERS.items():
        wanted = np.clip(told[name] / (LANDMARK_UNIT if numbers == LANDMARKS else 1) + OFFSETS[numbers], 0, 6)
        assert np.ptp(wanted) > 0.1
        np.testing.assert_allclose(_answers(own, folder, picture)[numbers], wanted, atol=1e-4)
    (folder / "own.tflite").write_bytes(own.tflite)
    own.keras.save(folder / "bounded.keras")  # what does so itself is taken as it is
    for form in ("saved", "own.tflite", "bounded.keras"):
        again = load_detector(folder / form, folder / "log", SHAPE)
        assert (again.input_shape, again.classes) == (SHAPE, 0)
        for numbers, values in _answers(again, folder, picture).items():
            np.testing.assert_allclose(values, _answers(own, folder, picture)[numbers], atol=1e-4)


def test_what_answers_in_another_way_is_named(network: Any, folder: Path, tiny_keras):
    network.save(folder / "open.keras")
    with pytest.raises(ConfigError, match="leaves its input's size open"):
        load_detector(folder / "open.keras", folder / "log")
    with pytest.raises(ConfigError, match=r"expected pictures of height, width and 3 channels, got \(12, 12, 1\)"):
        load_detector(tiny_keras(".h5"), folder / "log")
    with pytest.raises(ConfigError, match="no such file"):
        load_detector(folder / "none.keras", folder / "log")

    import keras

    from convert.float_model import concrete, float_tflite

    inputs = keras.layers.Input(SHAPE)
    one = keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=8)(inputs))
    one.save(folder / "one.keras")
    with pytest.raises(ConfigError, match=r"expected three outputs, score \(126, 1\), box \(126, 4\) and landmarks"):
        load_detector(folder / "one.keras", folder / "log")
    unmoved = float_tflite(concrete(detector(SHAPE), SHAPE, folder / "log"), folder, folder / "log")
    (folder / "unmoved.tflite").write_bytes(unmoved)
    with pytest.raises(ConfigError, match="cannot be moved"):
        load_detector(folder / "unmoved.tflite", folder / "log")
