"""Run a verified model package: float tensor in, calibrated probabilities over EMOTIONS out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.perceive.engine import Engine, Placement
from edge.perceive.labels import NO_SPEECH
from edge.perceive.package import ModelPackage


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """Softmax over the last axis of float [..., K], after division by `temperature`."""
    scaled = np.asarray(logits, np.float64) / temperature
    with np.errstate(invalid="ignore"):  # infinity less infinity: NaN in, NaN out, for the caller to see
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


class Model:
    """One classifier on one accelerator, kept for life. Not thread-safe: one worker owns it.

    Args:
        threads: of the CPU, where no `placement` is given.
        placement: where it runs.
        file: of the package, made for that accelerator.

    Raises:
        ModelError: the file is no TFLite model, or its tensors are not what model.json says.
    """

    def __init__(
        self,
        package: ModelPackage,
        threads: int = 1,
        placement: Placement | None = None,
        file: str = "model.tflite",
    ) -> None:
        self.package = package
        path: Path = package.folder / file
        self._engine = Engine(path, placement or Placement(threads=threads))
        expected = ((1, *package.input.shape), [(1, len(package.labels))])
        got = (self._engine.input_shape, self._engine.output_shapes)
        if got != expected:
            raise ModelError(
                f"{path}: expected one input of the shape {expected[0]} and outputs of the shapes {expected[1]} that "
                f"model.json declares, got {got[0]} and {got[1]}."
            )
        self._to_emotions = package.to_emotions()

    def quantized(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Real values of any shape as the model's input has them; `outputs` and `probabilities` take these too."""
        return self._engine.quantized(values)

    def outputs(self, tensor: NDArray[Any]) -> NDArray[np.float32]:
        """The model's own output, float32 [labels], for one input float32 of `package.input.shape`."""
        return self._engine.run(tensor)[0]

    def probabilities(self, tensor: NDArray[Any]) -> NDArray[np.float32]:
        """Calibrated probabilities float32 [K] over EMOTIONS for one input float32 of `package.input.shape`."""
        return self.emotions(self.outputs(tensor))

    def emotions(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs float32 [..., labels] as calibrated probabilities float32 [..., K] over EMOTIONS."""
        probabilities = self.own_labels(outputs) @ self._to_emotions
        total = probabilities.sum(axis=-1, keepdims=True)
        # A float model can answer NaN, and one with contempt can leave nothing for the seven: then nothing is known.
        shares = np.full(probabilities.shape, 1 / probabilities.shape[-1], np.float32)
        np.divide(probabilities, total, out=shares, where=total > 1e-6)  # False for NaN
        return shares

    def voice_probability(self, outputs: NDArray[np.float32]) -> float:
        """How probable it is, by outputs float32 [labels], that anybody speaks: 1 for a model that cannot tell."""
        if NO_SPEECH not in self.package.labels:
            return 1.0
        return 1.0 - float(self.own_labels(outputs)[self.package.labels.index(NO_SPEECH)])

    def own_labels(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs float32 [..., labels] as calibrated probabilities of the model's own labels."""
        if self.package.output == "probabilities":
            outputs = np.log(np.clip(outputs, 1e-6, 1.0))
        return softmax(outputs, self.package.temperature)
