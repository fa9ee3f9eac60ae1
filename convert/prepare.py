"""What a float model goes through before its numbers are rounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.float_detector import detector_from_keras
from convert.float_model import FloatModel, from_keras
from convert.keras_start import output_to

_ONE_SCALE = ("int8", "int8-float-io", "mixed")  # for all channels of an activation


def prepare(model: FloatModel, tensors: NDArray[np.float32], scheme: str, finetune: int, log: Path) -> FloatModel:
    """`model` made ready for `scheme`: its channels equalized, then fine-tuned for `finetune` epochs.

    Args:
        tensors: float32 [N, *shape], the calibration sample.
        log: file that takes what the libraries print.

    Raises:
        ConfigError: `finetune` is asked for and the model is none of Keras.
    """
    if model.keras is not None and scheme in _ONE_SCALE:
        from convert.equalize import equalize

        with output_to(log):
            pairs = equalize(model.keras, tensors)
        if pairs:
            made = from_keras if model.classes else detector_from_keras
            model = made(model.keras, model.path, log)
    if finetune:
        from convert.finetune import finetune as finetuned

        model = finetuned(model, tensors, finetune, log)
    return model
