"""What a float model goes through before its numbers are rounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.float_model import FloatModel, again
from convert.keras_start import output_to

_ONE_SCALE = ("int8", "int8-float-io", "mixed")  # for all channels of an activation


def prepare(
    model: FloatModel, tensors: NDArray[np.float32], scheme: str, finetune: int, log: Path
) -> tuple[FloatModel, int]:
    """`model` made ready for `scheme`: ranges shared out, then fine-tuned for `finetune` epochs.

    Args:
        tensors: float32 [N, *shape], the calibration sample.
        log: file that takes what the libraries print.

    Returns:
        The model, and how many pairs of its convolutions share their ranges now.

    Raises:
        ConfigError: `finetune` is asked for and the model is none of Keras.
    """
    pairs = 0
    if model.keras is not None and scheme in _ONE_SCALE:
        from convert.equalize import equalize

        with output_to(log):
            pairs = equalize(model.keras, tensors)
        if pairs:
            model = again(model, log)
    if finetune:
        from convert.finetune import finetune as finetuned

        model = finetuned(model, tensors, finetune, log)
    return model, pairs
