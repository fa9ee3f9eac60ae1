"""A trained model in whatever form its author keeps it, as one float TFLite file and what it takes to quantize it."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convert.keras_start import output_to, start_keras
from edge.errors import ConfigError, ModelError
from edge.perceive.engine import Engine

_FORMS = ".keras, .h5 or .hdf5 (Keras), a folder with saved_model.pb (TensorFlow), or a float .tflite"
_LONGEST_REASON = 300
_KERAS = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True, slots=True, eq=False)
class FloatModel:
    """A float32 model with one input [1, *shape] and one output [1, K], or a detector.

    `classes` is K, 0 for a detector. `function` is a concrete TensorFlow function, None where only TFLite is known.
    `keras` is the Keras model, None for the others. `softmax_removed`: the file ended in a softmax; this model gives
    what goes into it.
    """

    path: Path
    tflite: bytes
    input_shape: tuple[int, ...]
    classes: int
    function: Any = None
    keras: Any = None
    softmax_removed: bool = False

    @property
    def rescales(self) -> bool:
        """The model itself maps pixels 0..255 to what it wants, by a first layer of Keras."""
        from_keras = [type(layer).__name__ for layer in self.keras.layers[:3]] if self.keras is not None else []
        return "Rescaling" in from_keras or "Normalization" in from_keras


def load_float(path: Path, log: Path, size: tuple[int, ...] | None = None) -> FloatModel:
    """Read the model at `path`.

    Args:
        log: file that takes what the libraries print.
        size: the input's shape, without the batch, for a model that leaves it open.

    Raises:
        ConfigError: it is in none of the known forms, damaged, or has other than one input and one output.
    """
    form = form_of(path)
    if form == "tflite":
        return _from_tflite(path)
    if form == "saved_model":
        return _from_saved_model(path, log, size)
    return from_keras(load_keras(path, log), path, log, size)


def form_of(path: Path) -> Literal["tflite", "saved_model", "keras"]:
    """In which form its author keeps the model at `path`.

    Raises:
        ConfigError: in none of the known ones.
    """
    if path.suffix == ".tflite":
        return "tflite"
    if path.is_dir() and (path / "saved_model.pb").is_file():
        return "saved_model"
    if path.is_file() and path.suffix in _KERAS:
        return "keras"
    raise ConfigError(f"{path}: {'expected' if path.exists() else 'no such file. Expected'} {_FORMS}.")


def load_keras(path: Path, log: Path) -> Any:
    """The Keras model in `path`, not compiled, on TensorFlow; files of Keras 1 and 2 too, as far as Keras 3 reads them.

    Of the ``last.keras`` of a run with two heads the first, which is the one that is kept.

    Raises:
        ConfigError: it is missing, no Keras model, or holds a layer that Keras does not know.
    """
    keras = start_keras(log, tensorflow=True)
    try:
        with output_to(log):
            import convert.detector_loss
            import convert.fused_normalisation  # noqa: F401 - both make known to Keras what a run's file refers to

            model = keras.models.load_model(path, compile=False)
    except (ValueError, OSError, TypeError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        # Of a model that Keras does not know it prints all the layers.
        reason = str(error).splitlines()[0][:_LONGEST_REASON] if str(error) else type(error).__name__
        raise ConfigError(
            f"{path}: expected a Keras model file that Keras {keras.__version__} reads: {reason} "
            "A model with layers of your own: export it as a SavedModel or a float .tflite where they are known."
        ) from error
    both = next((layer for layer in model.layers if layer.name == "both"), None)
    return model if both is None else keras.Model(model.inputs, both.input[0], name=model.name)


def from_keras(model: Any, path: Path, log: Path, size: tuple[int, ...] | None = None) -> FloatModel:
    """A Keras model on TensorFlow. A softmax at its end is taken off: int8 leaves a logit finer than a probability."""
    shapes = model.input_shape, model.output_shape
    if isinstance(shapes[0], (list, dict)) or isinstance(shapes[1], (list, dict)):
        raise ConfigError(f"{path}: expected one input and one output, got {shapes[0]} and {shapes[1]}.")
    shape = fixed_shape(path, shapes[0][1:], size)
    with output_to(log):
        model, removed = _without_softmax(model)
    function = concrete(model, shape, log)
    return FloatModel(path, float_tflite(function, path, log), shape, int(shapes[1][-1]), function, model, removed)


def again(model: FloatModel, log: Path) -> FloatModel:
    """`model` with the weights that its Keras model has by now."""
    function = concrete(model.keras, model.input_shape, log)
    return replace(model, tflite=float_tflite(function, model.path, log), function=function)


def concrete(model: Any, shape: tuple[int, ...], log: Path) -> Any:
    """The Keras model, or another callable with its arguments, as a concrete TensorFlow function for batches of 1."""
    with output_to(log):
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec((1, *shape), tf.float32, name="input")])  # type: ignore[untyped-decorator]
        def call(tensor: Any) -> Any:
            return model(tensor, training=False)

        return call.get_concrete_function()


def _without_softmax(model: Any) -> tuple[Any, bool]:
    import keras

    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return keras.Model(model.inputs, last.input), True
    if getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear
        return model, True
    return model, False


def _from_saved_model(path: Path, log: Path, size: tuple[int, ...] | None) -> FloatModel:
    loaded = SavedModel(path, log, size)
    if loaded.outputs != 1:
        raise ConfigError(f"{path}: expected one output, got {loaded.outputs}.")
    function = concrete(lambda tensor, training: loaded(tensor)[0], loaded.shape, log)
    classes = int(function.structured_outputs.shape[-1])
    # TensorFlow's functions hold the variables weakly.
    function.keeps = loaded
    return FloatModel(path, float_tflite(function, path, log), loaded.shape, classes, function)


class SavedModel:
    """The signature ``serving_default`` of the SavedModel in `path`, with one input of `shape` and some `outputs`.

    Args:
        size: the input's shape, without the batch, where the model leaves it open.

    Raises:
        ConfigError: it cannot be read, has no such signature, or not one input.
    """

    def __init__(self, path: Path, log: Path, size: tuple[int, ...] | None) -> None:
        start_keras(log, tensorflow=True)
        try:
            with output_to(log):
                import tensorflow as tf

                self._loaded = tf.saved_model.load(str(path))
            self._signature = self._loaded.signatures["serving_default"]
        except (OSError, ValueError, KeyError, AttributeError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{path}: expected a SavedModel with the signature serving_default: {reason}") from error
        inputs = self._signature.structured_input_signature[1]
        self.outputs = len(self._signature.structured_outputs)
        if len(inputs) != 1:
            raise ConfigError(f"{path}: expected one input, got {len(inputs)}.")
        ((self._input, spec),) = inputs.items()
        self.shape = fixed_shape(path, tuple(spec.shape)[1:], size)

    def __call__(self, tensor: Any) -> list[Any]:
        """What it answers to a TensorFlow tensor [B, *shape]: a tensor for each output."""
        return list(self._signature(**{self._input: tensor}).values())


def _from_tflite(path: Path) -> FloatModel:
    data, engine = read_tflite(path)
    if len(engine.output_shapes) != 1 or len(engine.output_shapes[0]) != 2:
        raise ConfigError(f"{path}: expected one output of the shape (1, labels), got {engine.output_shapes}.")
    return FloatModel(path, data, engine.input_shape[1:], engine.output_shapes[0][1])


def read_tflite(path: Path) -> tuple[bytes, Engine]:
    """A float TFLite file, and the device's runtime with it.

    Raises:
        ConfigError: it cannot be read, or is quantized already.
    """
    try:
        data = path.read_bytes()
        engine = Engine(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except ModelError as error:
        raise ConfigError(str(error)) from error
    if engine.input_dtype.kind != "f":
        raise ConfigError(
            f"{path}: expected a float model, got one with {engine.input_dtype} inputs: quantized already."
        )
    return data, engine


def fixed_shape(path: Path, found: tuple[int | None, ...], size: tuple[int, ...] | None) -> tuple[int, ...]:
    """The input's shape, `found` in the model, with the sides that it leaves open as in `size`.

    Raises:
        ConfigError: they do not fit, or a side is not known.
    """
    wanted = tuple(size) if size else tuple(found)
    if None in wanted or len(wanted) != len(found):
        raise ConfigError(f"{path}: leaves its input's size open, {found}: give it with --size, as in 48x48x1.")
    if any(have is not None and have != want for have, want in zip(found, wanted, strict=True)):
        raise ConfigError(f"{path}: --size: expected {found} as the model has it, got {wanted}.")
    return tuple(int(side) for side in wanted if side is not None)


def float_tflite(function: Any, path: Path, log: Path) -> bytes:
    """A concrete TensorFlow function as a float TFLite file."""
    from convert.schemes import run_converter

    with output_to(log):
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    return run_converter(converter, "float32", path, log)


def float_outputs(tflite: bytes, tensors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs float32 [N, K] of a TFLite file for float32 [N, *shape], one call for each, by the device's runtime."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(tflite)
        engine = Engine(file)
        return np.stack([engine.run(tensor)[0] for tensor in tensors])
