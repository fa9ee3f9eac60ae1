"""What is quantized and who judges it, whatever its task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from convert.examples import Sample
from convert.float_model import FloatModel
from convert.gate import Finding
from convert.run import Run


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What a converted model is worth beside its float original on the data `name`.

    `compared` is as of `convert.gate.compare`; `metrics`, `facts` and `temperature` are for model.json.
    """

    name: str
    compared: dict[str, Any]
    metrics: dict[str, Any]
    temperature: float = 1.0
    facts: dict[str, Any] = field(default_factory=dict)


class Judge(Protocol):
    """Compares converted models with their float original; `output` is what both answer."""

    output: Literal["logits", "probabilities"]

    def judge(self, tflite: bytes, in_float: int) -> Verdict:
        """`tflite` beside the original. `in_float` layers of it, those that lose most, were kept in float."""
        ...

    def implausible(self) -> list[Finding]:
        """Mistakes in the contract that both models make alike, so that no loss shows them; to be asked last."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A float model, its contract and how each part of it came to be known, what to calibrate on, and its judge.

    `judge` is made of `model`: what fine-tuning costs counts as a loss.
    """

    model: FloatModel
    run: Run
    how: dict[str, str]
    sample: Sample
    judge: Callable[[FloatModel], Judge]


def label_of(scheme: str) -> str:
    """The name under which figures of a model in `scheme` stand in model.json."""
    return "int8" if scheme.startswith("int8") else scheme
