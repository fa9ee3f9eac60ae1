"""The computation of a Keras model, call by call: of its layers and of operators such as ``x + y``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One call of `operation`, a layer or an operator; `inputs` and `outputs` are symbolic tensors."""

    operation: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]

    @property
    def kind(self) -> str:
        """The name of the operation's class."""
        return type(self.operation).__name__


class Graph:
    """The steps of a functional Keras model, in order, without its inputs.

    A layer remembers every call that was ever made of it, in other models too (one for each layer behind it, in a
    sequential model that was loaded from a file); here are those of this model.
    """

    def __init__(self, model: Any) -> None:
        import keras

        self.steps = [
            Step(node.operation, tuple(node.input_tensors), tuple(node.output_tensors))
            for depth in sorted(model._nodes_by_depth, reverse=True)
            for node in model._nodes_by_depth[depth]
            if node.input_tensors
        ]
        self._ends = {id(tensor) for tensor in keras.tree.flatten(model.outputs)}
        self._readers: dict[int, list[Step]] = {}
        for step in self.steps:
            for tensor in {id(each) for each in step.inputs}:
                self._readers.setdefault(tensor, []).append(step)

    def calls(self, operation: Any) -> int:
        """How often the model calls it."""
        return sum(step.operation is operation for step in self.steps)

    def only_reader(self, step: Step) -> Step | None:
        """Who alone takes what `step` gives; None where there are several, or the model gives it too."""
        readers = [reader for tensor in step.outputs for reader in self._readers.get(id(tensor), [])]
        ends = any(id(tensor) in self._ends for tensor in step.outputs)
        return readers[0] if len(readers) == 1 and not ends else None


def functional(model: Any) -> Any:
    """A sequential model as a functional one of the same layers; others as they are."""
    import keras

    return keras.Model(model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else model
