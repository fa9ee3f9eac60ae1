"""Learned late fusion: what both senses said, how well and how long ago, in; probabilities out."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from edge.perceive.fusion_input import FusionInput, fusion_tensor
from edge.perceive.runtime import Model
from edge.records import Sensed


class LearnedFusion:
    """A package of the task ``fusion`` as the function that `edge.fuse` calls. Not thread-safe."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._spec = cast(FusionInput, model.package.input)  # load_package(..., "fusion") made it so

    def __call__(self, face: Sensed | None, speech: Sensed | None) -> NDArray[np.float32]:
        """Probabilities float32 [K] over EMOTIONS."""
        return self._model.probabilities(fusion_tensor(face, speech, self._spec))
