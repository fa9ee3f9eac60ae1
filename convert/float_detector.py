"""A trained detector, of this project or of one's own, with the three outputs that a package has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convert.architectures.detector import SCALES
from convert.float_model import (
    FloatModel,
    SavedModel,
    concrete,
    fixed_shape,
    float_tflite,
    form_of,
    load_keras,
    read_tflite,
)
from edge.errors import ConfigError
from edge.perceive.cells import BOX, LANDMARK_UNIT, LANDMARKS, OFFSETS, SCORE, STRIDES, cells

_HIGHEST = 6.0  # what a package's outputs are cut to
_SEED = 7
# Pictures of noise: enough for every cell to say that it sees no face.
_TRIED = 4


def load_detector(path: Path, log: Path, size: tuple[int, ...] | None = None) -> FloatModel:
    """Read the detector at `path`: a picture [1, H, W, 3] in; out come score [1, A, 1], box [1, A, 4] and landmarks
    [1, A, 10] of A cells, in any order, as `convert.architectures.detector.pyramid` has them.

    What its outputs mean as they are (logits of scores, offsets in cells) is scaled, moved and cut as in a package; a
    model that does so itself is taken as it is.

    Args:
        log: file that takes what the libraries print.
        size: height, width and 3 for a model that leaves them open.

    Raises:
        ConfigError: it is in none of the known forms, damaged, or answers in another way.
    """
    form = form_of(path)
    if form == "tflite":
        return _from_tflite(path)
    if form == "saved_model":
        return _from_saved_model(path, log, size)
    return detector_from_keras(_bounded(load_keras(path, log), path, size), path, log)


def detector_from_keras(model: Any, path: Path, log: Path) -> FloatModel:
    """A Keras model for pictures of one size whose outputs are those of a package."""
    shape = tuple(int(side) for side in model.input_shape[1:])
    function = concrete(model, shape, log)
    return FloatModel(path, float_tflite(function, path, log), shape, 0, function, model)


def _bounded(model: Any, path: Path, size: tuple[int, ...] | None) -> Any:
    """The model for pictures of one size with a package's outputs."""
    import keras

    if isinstance(model.input_shape, (list, dict)):
        raise ConfigError(f"{path}: expected one input, got {model.input_shape}.")
    shape = fixed_shape(path, model.input_shape[1:], size)
    if None in model.input_shape[1:]:
        open_sized, inputs = model, keras.layers.Input(shape, name="picture")
        model = keras.models.clone_model(open_sized, input_tensors=inputs)
        model.set_weights(open_sized.get_weights())
    outputs = keras.tree.flatten(model.outputs)
    _check(path, shape, [tuple(output.shape) for output in outputs])
    said = keras.tree.flatten(model(_noise(shape), training=False))
    if _are_bounded([output.numpy() for output in said]):
        return keras.Model(model.inputs, outputs, name=model.name)
    return keras.Model(model.inputs, [_bound(output) for output in outputs], name=model.name)


def _bound(output: Any) -> Any:
    from keras import layers

    # Named, for else Keras counts, and the same model read twice becomes two files.
    numbers = output.shape[-1]
    moved = layers.Rescaling(SCALES[numbers], OFFSETS[numbers], name=f"moved_{numbers}")(output)
    return layers.ReLU(max_value=_HIGHEST, name=f"cut_{numbers}")(moved)


def _from_saved_model(path: Path, log: Path, size: tuple[int, ...] | None) -> FloatModel:
    import tensorflow as tf

    loaded = SavedModel(path, log, size)
    one = tf.constant(_noise(loaded.shape)[:1])
    said = loaded(one)
    _check(path, loaded.shape, [tuple(output.shape) for output in said])
    moved = not _are_bounded([output.numpy() for output in said])

    def call(tensor: Any, training: bool) -> Any:
        outputs = loaded(tensor)
        sized = [(output.shape[-1], output) for output in outputs]
        return [tf.nn.relu6(output * SCALES[n] + OFFSETS[n]) for n, output in sized] if moved else outputs

    function = concrete(call, loaded.shape, log)
    function.keeps = loaded  # TensorFlow's functions hold the variables weakly
    return FloatModel(path, float_tflite(function, path, log), loaded.shape, 0, function)


def _from_tflite(path: Path) -> FloatModel:
    data, engine = read_tflite(path)
    shape = engine.input_shape[1:]
    _check(path, shape, engine.output_shapes)
    if not _are_bounded([np.stack(each) for each in zip(*(engine.run(one) for one in _noise(shape)), strict=True)]):
        above = ", ".join(f"{OFFSETS[numbers]:g} ({numbers} numbers)" for numbers in (SCORE, BOX, LANDMARKS))
        raise ConfigError(
            f"{path}: expected outputs from 0 to {_HIGHEST:g}, this much above what they mean: {above}, and landmarks "
            f"in units of {LANDMARK_UNIT:g} cells. They cannot be "
            "moved in a .tflite file: do it in the model before, or give the Keras model or the SavedModel."
        )
    return FloatModel(path, data, shape, 0)


def _check(path: Path, shape: tuple[int, ...], outputs: Sequence[tuple[int | None, ...]]) -> None:
    if len(shape) != 3 or shape[2] != 3:
        raise ConfigError(f"{path}: expected pictures of height, width and 3 channels, got {shape}.")
    count = len(cells(shape[0], shape[1])[0])
    found = sorted(output[1:] for output in outputs)
    if found != [(count, SCORE), (count, BOX), (count, LANDMARKS)]:
        raise ConfigError(
            f"{path}: expected three outputs, score ({count}, {SCORE}), box ({count}, {BOX}) and landmarks ({count}, "
            f"{LANDMARKS}), for the {count} cells of {STRIDES[0]}, {STRIDES[1]} and {STRIDES[2]} pixels in a picture "
            f"of {shape[0]}x{shape[1]}, got {', '.join(map(str, found))}."
        )


def _noise(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(_SEED).uniform(-1, 1, (_TRIED, *shape)).astype(np.float32)


def _are_bounded(outputs: list[Any]) -> bool:
    """Whether nothing lies outside of what a package's outputs can be: a logit of no face does."""
    return all(float(values.min()) >= 0 and float(values.max()) <= _HIGHEST for values in outputs)
