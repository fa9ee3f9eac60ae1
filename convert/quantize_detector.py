"""From a trained detector to a package: int8 for one size of input, threshold and figures on held-out photos."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from convert.architectures.count import multiply_adds
from convert.datasets.photos import Photo, training_photos
from convert.detection_figures import figures, ranked
from convert.float_model import load_keras
from convert.keras_start import output_to
from convert.package import write_package
from convert.run import read_run
from edge.errors import ConfigError
from edge.perceive.detector import CellDetector, letterbox
from edge.perceive.features import DetectorInput, picture_tensor
from edge.perceive.package import load_package

_CALIBRATION = 64
_SEED = 7
#: Overlap at which a detection counts: human and automatic boxes of one face agree no better than 0.66 on average.
IOU = 0.4
# False positives a picture of held-out photos at the shipped threshold. Half of them are faces without a label.
_FALSE_A_PICTURE = 0.03
_LEAST = 0.01  # detections below this score are not even ranked


def quantize_detector(source: Path, data: Path, out: Path, size: tuple[int, int] | None = None) -> None:
    """Make the package `out` of a run's folder.

    Args:
        data: the photos, for the ranges of activations, the threshold and the figures.
        size: height and width of the input; None: the run's.

    Raises:
        ConfigError: the run or the photos cannot be used.
    """
    import convert.detector_loss
    import convert.fused_normalisation  # noqa: F401 - both make known to Keras what the file refers to

    path = source / "model.keras" if source.is_dir() else source
    run = read_run(path.parent)
    spec: Any = run.input
    if not isinstance(spec, DetectorInput):
        raise ConfigError(f"{path.parent / 'run.json'}: expected a run of the task 'detector', got {run.task!r}.")
    if size:
        spec = replace(spec, height=size[0], width=size[1])
        run = replace(run, input=cast(Any, spec))
    from convert.architectures.detector import pyramid

    log = path.with_name("quantize.log")
    trained = load_keras(path, log)
    fixed = pyramid(spec.shape, bounded=True)
    fixed.set_weights(trained.get_weights())
    tflite = _int8(fixed, calibration(data, spec), log)
    photos = training_photos(data, "held_out")
    with tempfile.TemporaryDirectory() as draft:
        write_package(Path(draft), run, tflite, facts={"threshold": 0.5})
        detector = CellDetector(load_package(Path(draft), "detector"), _LEAST)
        found = [detector.detect(photo.read()) for photo in photos]
    threshold = round(ranked(photos, found, IOU).score_at(_FALSE_A_PICTURE * len(photos)) + 0.005, 2)
    measured = {"held-out photos": {"int8": figures(photos, found, IOU, threshold)}}
    facts = {
        "threshold": threshold,
        "parameters": int(fixed.count_params()),
        "macs": multiply_adds(fixed),
        "converter": {name: version(name) for name in ("keras", "tensorflow", "ai-edge-litert")},
    }
    write_package(out, run, tflite, 1.0, measured, facts)


def calibration(data: Path, spec: DetectorInput) -> NDArray[np.float32]:
    """Letterboxed training photos float32 [N, *shape], on which the ranges of activations are measured."""
    photos = training_photos(data)
    chosen = np.random.default_rng(_SEED).permutation(len(photos))[:_CALIBRATION]
    return np.stack([picture_tensor(_letterboxed(photos[index], spec), spec) for index in sorted(chosen)])


def _letterboxed(photo: Photo, spec: DetectorInput) -> NDArray[np.uint8]:
    picture = np.zeros(spec.shape, np.uint8)
    letterbox(photo.read(), picture)
    return picture


def _int8(model: Any, representative: NDArray[np.float32], log: Path) -> bytes:
    """Weights, activations, input and the three outputs in int8, for batches of 1 (`schemes.convert`: one output)."""
    with output_to(log):
        import tensorflow as tf

        @tf.function(input_signature=[tf.TensorSpec((1, *representative.shape[1:]), tf.float32)])  # type: ignore[untyped-decorator]
        def call(tensor: Any) -> Any:
            return model(tensor, training=False)

        converter = tf.lite.TFLiteConverter.from_concrete_functions([call.get_concrete_function()])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([tensor[np.newaxis]] for tensor in representative)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())
