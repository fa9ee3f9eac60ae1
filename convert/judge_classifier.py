"""Judge a converted classifier of faces, sounds or what senses said, beside its float original."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convert.calibrate import fit_temperature
from convert.contract import are_probabilities, in_emotions, in_labels, prepared, usual
from convert.datasets.faces import LABELS, Faces
from convert.examples import Judged, few
from convert.float_model import FloatModel, float_outputs
from convert.folds import HeldOut, Making, fold_figures, held_out_outputs
from convert.gate import Finding, better_labels, better_than_chance, certainly_better, compare
from convert.judging import Verdict, label_of
from convert.metrics import figures
from convert.run import Run
from edge.perceive.inputs import FaceInput
from edge.perceive.labels import emotion_matrix
from edge.perceive.runtime import softmax
from edge.records import EMOTIONS

# On this many balanced examples is looked whether another scaling of pixels fits better.
_PLAUSIBLE_ON = 420


class ClassifierJudge:
    """Judges on labelled examples.

    Args:
        sets: what to judge on; the gate and the temperature look at the first.
        faces: of the first set, to try other scalings of pixels on; None for other tasks.
        metrics: further figures for model.json.
        contempt: what of the sets is of an eighth label, for a model that has it; figures of all eight are for
            model.json alone.
    """

    def __init__(
        self,
        model: FloatModel,
        run: Run,
        sets: Sequence[Judged],
        scheme: str,
        faces: Faces | None = None,
        metrics: dict[str, Any] | None = None,
        contempt: Sequence[Judged] = (),
    ) -> None:
        self._model, self._run, self._sets, self._scheme, self._faces = model, run, sets, scheme, faces
        self._metrics = metrics or {}
        self._contempt = {judged.name: judged for judged in contempt}
        self._exact = [float_outputs(model.tflite, judged.tensors) for judged in sets]
        self.output: Literal["logits", "probabilities"] = (
            "probabilities" if are_probabilities(self._exact[0]) else "logits"
        )

    def judge(self, tflite: bytes, in_float: int) -> Verdict:
        """`tflite` beside the float model."""
        labels = self._run.labels
        found = [float_outputs(tflite, judged.tensors) for judged in self._sets]
        first = self._sets[0]
        temperature = temperature_of(found[0], first.labels, labels)
        shown = [
            {
                "float": calibrated(own, labels, temperature),
                label_of(self._scheme): calibrated(other, labels, temperature),
            }
            for own, other in zip(self._exact, found, strict=True)
        ]
        exact, converted = shown[0].values()
        compared = compare(exact, converted, first.labels, EMOTIONS)
        metrics = {
            judged.name: {kind: figures(values, judged.labels) for kind, values in each.items()}
            for judged, each in zip(self._sets, shown, strict=True)
        }
        for judged, own, other in zip(self._sets, self._exact, found, strict=True):
            if eighth := self._contempt.get(judged.name):
                both = [
                    np.concatenate([said, float_outputs(model, eighth.tensors)])
                    for said, model in ((own, self._model.tflite), (other, tflite))
                ]
                metrics[f"{judged.name}, eight labels"] = {
                    kind: _of_eight(judged, said, labels, temperature)
                    for kind, said in zip(("float", label_of(self._scheme)), both, strict=True)
                }
        return Verdict(first.name, compared, self._metrics | metrics, temperature)

    def implausible(self) -> list[Finding]:
        """Another order of labels or scaling of pixels that fits better, or answers no better than chance."""
        first = self._sets[0]
        findings = implausible_labels(self._exact[0], first.labels, self._run.labels)
        if self._faces is not None:
            findings += self._scaling(self._faces)
        return findings + no_better_than_chance(self._exact[0], first, self._run.labels)

    def _scaling(self, faces: Faces) -> list[Finding]:
        spec = self._run.input
        assert isinstance(spec, FaceInput)  # noqa: S101 - faces are given for such only
        faces = few(faces, _PLAUSIBLE_ON)
        answer = answers_to(faces)

        def answers(other: FaceInput) -> NDArray[np.float32]:
            return in_emotions(answer(self._model, other)[0], self._run.labels)

        own = answers(spec)
        better = {}
        for other in usual(spec):
            said = answers(other)
            if certainly_better(said, own, faces.labels):
                better[float((said.argmax(axis=1) == faces.labels).mean())] = other
        if not better:
            return []
        share, best = max(better.items())
        at = float((own.argmax(axis=1) == faces.labels).mean())
        return [
            Finding(
                "scaling",
                f"pixels mapped onto {spec.low:g}..{spec.high:g} {spec.order} make the model right "
                f"for {100 * at:.1f} % of {len(faces)} balanced faces, onto {best.low:g}..{best.high:g} "
                f"{best.order} (mean {list(best.mean)}, std {list(best.std)}) for {100 * share:.1f} %.",
                "Give what the model was trained with: --range, --order, --mean, --std.",
            )
        ]


class FoldsJudge:
    """Judges a speech run by its fold models, made as the package is, on the actors that each has never heard."""

    output: Literal["logits", "probabilities"] = "logits"
    _NAME = "RAVDESS, six folds of unheard actors"

    def __init__(self, run: Run, folds: Any, data: Any, making: Making) -> None:
        self._run, self._folds, self._data, self._making = run, folds, data, making
        self._judged: list[HeldOut] = []

    def judge(self, tflite: bytes, in_float: int) -> Verdict:
        """What was made of the fold models as `tflite` was made, beside them."""
        making = self._making.keeping(in_float)
        self._judged = held_out_outputs(self._folds, self._data, making)
        exact, found, truth = self._all("by_float"), self._all("converted"), self._all("labels")
        labels = self._run.labels
        temperature = temperature_of(found, truth, labels)
        compared = compare(
            calibrated(exact, labels, temperature), calibrated(found, labels, temperature), truth, EMOTIONS
        )
        metrics = {self._NAME: fold_figures(self._judged, label_of(making.scheme))}
        return Verdict(self._NAME, compared, metrics, temperature)

    def implausible(self) -> list[Finding]:
        """Another order of labels that fits better, or answers no better than chance."""
        exact, truth = self._all("by_float"), self._all("labels")
        judged = Judged(self._NAME, exact, truth)
        return implausible_labels(exact, truth, self._run.labels) + no_better_than_chance(
            exact, judged, self._run.labels
        )

    def _all(self, name: str) -> Any:
        return np.concatenate([getattr(fold, name) for fold in self._judged])


def answers_to(
    faces: Faces,
) -> Callable[[FloatModel, FaceInput], tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """A function that lets a model answer to `faces`, prepared as a FaceInput says."""

    def answer(model: FloatModel, spec: FaceInput) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return float_outputs(model.tflite, prepared(list(faces.images), spec)), faces.labels

    return answer


def implausible_labels(exact: NDArray[np.float32], truth: NDArray[np.int64], labels: Sequence[str]) -> list[Finding]:
    """A finding where the float model's answers speak for another order of `labels`."""
    moved = better_labels(in_emotions(exact, labels), truth, EMOTIONS)
    if not moved:
        return []
    words = ", ".join(f"{one!r} seems to be {other!r}" for one, other in moved.items())
    message = f"the order of labels contradicts the data: {words}."
    return [Finding("labels", message, "Give the right one with --labels.")]


def no_better_than_chance(exact: NDArray[np.float32], judged: Judged, labels: Sequence[str]) -> list[Finding]:
    """A finding where the float model is certainly right less often than the commonest label."""
    if better_than_chance(in_emotions(exact, labels), judged.labels):
        return []
    return [
        Finding(
            "chance",
            f"the float model is no better than always saying the commonest label on {judged.name}.",
            "Check its labels, its input and the data; train it longer.",
        )
    ]


def temperature_of(outputs: NDArray[np.float32], truth: NDArray[np.int64], labels: Sequence[str]) -> float:
    """The temperature that calibrates `outputs`, logits or probabilities."""
    return fit_temperature(_logits(outputs), truth, emotion_matrix(labels))


def calibrated(outputs: NDArray[np.float32], labels: Sequence[str], temperature: float) -> NDArray[np.float32]:
    """Logits or probabilities of `labels` as calibrated probabilities over EMOTIONS."""
    return in_emotions(softmax(_logits(outputs), temperature), labels)


def _of_eight(seven: Judged, outputs: NDArray[np.float32], labels: Sequence[str], temperature: float) -> dict[str, Any]:
    """Figures over LABELS; the `outputs` behind those for `seven` are for faces of contempt."""
    truth = np.concatenate([seven.labels, np.full(len(outputs) - len(seven.labels), len(EMOTIONS))])
    return figures(in_labels(softmax(_logits(outputs), temperature), labels), truth, LABELS)


def _logits(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log(np.maximum(outputs, 1e-6)) if are_probabilities(outputs) else outputs
