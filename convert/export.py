"""Keras models for other runtimes, checked against the original."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.float_model import load_keras
from convert.keras_start import output_to
from edge.errors import ConfigError

#: Largest difference of an output that is still the same model.
TOLERANCE = 1e-4
_EXAMPLES = 8
_SEED = 5


def export(source: Path, form: str, out: Path) -> float:
    """Write the Keras model `source` (a run's folder, or a file) to `out` as ``onnx``, ``savedmodel`` or ``keras``.

    Returns:
        The largest difference of its outputs from the original's, over eight random inputs in [-1, 1].

    Raises:
        ConfigError: it cannot be read or written, or answers differently by more than 1e-4; then nothing is left.
    """
    path = source / "model.keras" if source.is_dir() else source
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise ConfigError(f"{path}: expected a Keras model: the folder of a run, .keras, .h5 or .hdf5.")
    ending = {"onnx": ".onnx", "keras": ".keras", "savedmodel": ""}[form]
    if ending and out.suffix != ending:
        raise ConfigError(f"--out: expected a name that ends in {ending}, got {out.name}.")
    log = out.with_name(f"{out.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    model = load_keras(path, log)
    if None in model.input_shape[1:]:
        raise ConfigError(
            f"{path}: leaves its input's size open, {model.input_shape}: there is nothing to check it with."
        )
    shape = (_EXAMPLES, *model.input_shape[1:])
    tensors = np.random.default_rng(_SEED).uniform(-1, 1, shape).astype(np.float32)
    expected = np.asarray(model.predict(tensors, verbose=0))
    try:
        with output_to(log):
            if form == "keras":
                model.save(out)
            else:
                model.export(out, format={"onnx": "onnx", "savedmodel": "tf_saved_model"}[form], verbose=False)
    except ImportError as error:
        raise ConfigError(f"{form} needs more: {error}. Install 'emotion-edge[export]'.") from error
    except (ValueError, RuntimeError, AttributeError, NotImplementedError) as error:
        raise ConfigError(f"{path}: cannot become {form}: {str(error).splitlines()[0]}. See {log}.") from error
    off = float(np.abs(_answers(out, form, tensors, log) - expected).max())
    if not off <= TOLERANCE:
        if out.is_file():
            out.unlink()
        raise ConfigError(f"{path}: as {form} its answers differ by {off:.1e}, more than {TOLERANCE:.0e}. See {log}.")
    return off


def _answers(path: Path, form: str, tensors: NDArray[np.float32], log: Path) -> NDArray[Any]:
    if form == "keras":
        return np.asarray(load_keras(path, log).predict(tensors, verbose=0))
    if form == "savedmodel":
        with output_to(log):
            import tensorflow as tf

            loaded = tf.saved_model.load(str(path))  # it owns the variables
            return np.asarray(loaded.serve(tensors))
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(f"checking onnx needs onnxruntime ({error}): pip install 'emotion-edge[export]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return np.asarray(session.run(None, {given.name: tensors})[0])
