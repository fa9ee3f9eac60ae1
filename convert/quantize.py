"""From a trained model to a model package: converted, calibrated, judged; refused if it lost too much."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.calibrate import fit_temperature
from convert.contract import Given, are_probabilities, describe, in_emotions, prepared, resolve, usual
from convert.datasets.faces import FaceData, Faces
from convert.examples import Judged, Sample, calibration_sample, few, judged_faces, judged_speech, read_faces
from convert.float_model import FloatModel, float_outputs, load_float
from convert.folds import fold_figures, fold_folders, held_out_outputs
from convert.gate import (
    Finding,
    Limits,
    as_json,
    better_labels,
    better_than_chance,
    certainly_better,
    compare,
    losses,
)
from convert.gate_report import write_report
from convert.golden import golden_vectors
from convert.metrics import figures
from convert.operations import keep_in_float, layer_errors, operations
from convert.package import write_package
from convert.representative import COUNT, SEED
from convert.run import Run, Task
from convert.schemes import UnquantizableError, convert
from edge.errors import ConfigError
from edge.perceive.features import FaceInput
from edge.perceive.package import FLOAT16_FILE, emotion_matrix, load_package
from edge.perceive.runtime import Model, softmax
from edge.records import EMOTIONS

# On this many balanced examples is looked whether another order of labels or scaling of pixels fits better.
_PLAUSIBLE_ON = 420
# Enough to tell mappings of pixels apart that are nearly alike.
_MEASURED_ON = 1400
_LAYERS_ON = 24
_WORST = 10
#: As many layers are kept in float by ``mixed``, one after the other, until the loss is within the limits.
_IN_FLOAT = (1, 2, 4, 8, 16, 32)
#: The GPU's variant answers like the float model; the bar for float16.
_FLOAT16_OFF = 0.02


@dataclass(frozen=True, slots=True)
class Request:
    """What to make of a model.

    `evaluate` None: judged on the test part of `calibration`; `report` None: beside `out`.
    """

    task: Task
    calibration: Path
    out: Path
    evaluate: Path | None = None
    report: Path | None = None
    scheme: str = "int8"
    count: int = COUNT
    limits: Limits = field(default_factory=Limits)
    given: Given = field(default_factory=Given)
    size: tuple[int, ...] | None = None
    float16: bool = True
    finetune: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Outputs:
    """What float and converted model answer, as they give it, to one data set of `labels`."""

    name: str
    labels: NDArray[np.int64]
    exact: NDArray[np.float32]
    found: NDArray[np.float32]


def quantize(source: Path, request: Request) -> dict[str, Any]:
    """Make the package ``request.out`` of a run's folder or a model file, unless it must not ship; write the report.

    The temperature is fitted on what the weights were not trained on: the split to choose on for faces, the fold
    models' held-out actors for the speech of a run. The same model, data and options give the same bytes.

    Returns:
        The report: ``passed`` says whether the package was written.

    Raises:
        ConfigError: the model, the data or the options cannot be used.
    """
    run_folder = source if (source / "run.json").is_file() else None
    path = source / "model.keras" if run_folder else source
    if run_folder is None and source.is_dir() and not (source / "saved_model.pb").is_file():
        raise ConfigError(
            f"{source}: expected the folder of a run ('emotion-convert train' writes run.json there), or a SavedModel."
        )
    report_folder = request.report or request.out.with_name(f"{request.out.name}-report")
    report_folder.mkdir(parents=True, exist_ok=True)
    log = report_folder / "converter.log"
    log.unlink(missing_ok=True)
    model = load_float(path, log, request.size)
    faces = read_faces(request.calibration, model.input_shape) if _is_face(request, model) else None
    judging = read_faces(request.evaluate, model.input_shape) if faces and request.evaluate else faces

    run, how = resolve(
        model, request.task, request.given, _judge(few(_chosen(judging), _MEASURED_ON)) if judging else None
    )
    if tuple(run.input.shape) != model.input_shape or len(run.labels) != model.classes:
        raise ConfigError(
            f"{path}: expected the input {run.input.shape} and {len(run.labels)} labels as its contract says, got "
            f"{model.input_shape} and {model.classes}."
        )
    sample = calibration_sample(run, request.calibration, request.count, faces)
    if request.finetune:
        from convert.finetune import finetune

        model = finetune(model, sample.tensors, request.finetune, log)
    report: dict[str, Any] = {
        "model": path.name if run_folder is None else run_folder.name,
        "sha256": _sha256(path),
        "scheme": request.scheme,
        "limits": asdict(request.limits),
        "finetuned_epochs": request.finetune,
        "contract": describe(run, how),
        "calibration": {
            "count": len(sample.names),
            "data": request.calibration.name,
            "seed": SEED,
            "items": list(sample.names),
        },
        "converter": {name: version(name) for name in ("keras", "tensorflow", "ai-edge-litert", "ai-edge-quantizer")},
    }
    folds = run_folder if run_folder and run.task == "speech" else None
    if folds and not fold_folders(folds):
        raise ConfigError(
            f"{folds}: expected the fold models fold-1, fold-2, ... beside it: the temperature and the figures of a "
            "speech model come from voices that it has never heard. Make them with 'emotion-convert train speech "
            "--folds'."
        )
    try:
        finished = _make(model, run, request, sample, judging, folds, log, report)
    except UnquantizableError as error:
        named = ", ".join(error.operations) or "see the converter's log"
        finding = Finding(
            "operation",
            str(error),
            f"Replace it in the model ({named}), keep it in float with --scheme mixed, or use --scheme float16.",
        )
        report |= {"passed": False, "findings": as_json([finding])}
        write_report(report_folder, report)
        return report
    write_report(report_folder, report)
    if report["passed"]:
        finished.write(request.out)
    return report


def _chosen(data: FaceData) -> Faces:
    return data.splits[data.chosen_on]


def _judge(faces: Faces) -> Callable[[FloatModel, FaceInput], tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """A function that lets a model answer to `faces`, prepared as a FaceInput says."""

    def answer(model: FloatModel, spec: FaceInput) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        return float_outputs(model.tflite, prepared(list(faces.images), spec)), faces.labels

    return answer


@dataclass(frozen=True, slots=True, eq=False)
class _Package:
    run: Run
    tflite: bytes
    temperature: float
    metrics: dict[str, Any]
    facts: dict[str, Any]
    extra: dict[str, bytes]
    output: str

    def write(self, folder: Path) -> None:
        write_package(
            folder, self.run, self.tflite, self.temperature, self.metrics, self.facts, self.extra, self.output
        )


def _make(
    model: FloatModel,
    run: Run,
    request: Request,
    sample: Sample,
    judging: Any,
    folds: Path | None,
    log: Path,
    report: dict[str, Any],
) -> _Package:
    """Convert and judge; fills `report`."""
    if folds:
        sets: list[Judged] = []
    elif judging is not None:
        sets = judged_faces(run, judging)
    else:
        sets = judged_speech(run, request.evaluate or request.calibration)
    exact = [float_outputs(model.tflite, judged.tensors) for judged in sets]
    kind = "probabilities" if exact and are_probabilities(exact[0]) else "logits"
    few_tensors = sample.tensors[:: max(1, len(sample.tensors) // _LAYERS_ON)][:_LAYERS_ON]

    def attempt(in_float: Sequence[str]) -> tuple[bytes, list[_Outputs], dict[str, Any], list[Finding], float]:
        tflite = convert(model, request.scheme, sample.tensors, log, in_float)
        if folds:
            judged = held_out_outputs(folds, request.calibration)
            labels, by_float, by_int8 = (
                np.concatenate([getattr(fold, name) for fold in judged]) for name in ("labels", "by_float", "by_int8")
            )
            answered = [_Outputs("RAVDESS, six folds of unheard actors", labels, by_float, by_int8)]
            metrics = {answered[0].name: fold_figures(judged)}
        else:
            answered = [
                _Outputs(judged.name, judged.labels, one, float_outputs(tflite, judged.tensors))
                for judged, one in zip(sets, exact, strict=True)
            ]
            metrics = {}
        temperature = _temperature(answered[0], run.labels)
        chosen = answered[0]
        compared = compare(
            _calibrated(chosen.exact, run.labels, temperature),
            _calibrated(chosen.found, run.labels, temperature),
            chosen.labels,
            EMOTIONS,
        )
        errors = layer_errors(model.tflite, tflite, few_tensors)
        ranked = keep_in_float(errors)
        report["worst_layers"] = [asdict(layer) for layer in errors[:_WORST]]
        report["metrics"] = metrics
        findings = losses(compared, request.limits, ranked[0] if ranked else "", request.scheme)
        return tflite, answered, compared, findings, temperature

    tflite, answered, compared, findings, temperature = attempt(())
    if request.scheme == "mixed":
        ranked = keep_in_float(layer_errors(model.tflite, tflite, few_tensors))
        for count in sorted({*(count for count in _IN_FLOAT if count < len(ranked)), len(ranked)}):
            if not findings:
                break
            tflite, answered, compared, findings, temperature = attempt(ranked[:count])
            report["in_float"] = ranked[:count]
    findings = [*findings, *_implausible(model, run, answered[0], judging)]
    found_operations = operations(tflite)
    macs = sum(operation.macs for operation in found_operations)
    report |= {
        "passed": not findings,
        "findings": as_json(findings),
        "evaluated_on": answered[0].name,
        "compared": compared,
        "size": {
            "bytes": len(tflite),
            "float_bytes": len(model.tflite),
            "macs": macs,
            "operations": dict(Counter(operation.name for operation in found_operations)),
        },
    }
    label = "int8" if request.scheme.startswith("int8") else request.scheme
    metrics = report.pop("metrics") or {
        each.name: {
            one: figures(_calibrated(values, run.labels, temperature), each.labels)
            for one, values in (("float", each.exact), (label, each.found))
        }
        for each in answered
    }
    facts: dict[str, Any] = {
        "scheme": request.scheme,
        "parameters": _parameters(model),
        "macs": macs,
        "converter": report["converter"],
    }
    extra = _float16(model, request, sample, answered[0], sets, log, report) if not findings else {}
    package = _Package(run, tflite, temperature, metrics, facts, extra, kind)
    if findings:
        return package
    with tempfile.TemporaryDirectory() as draft:
        package.write(Path(draft))
        golden, files = golden_vectors(Model(load_package(Path(draft), run.task)))
    return replace(package, facts={**facts, "golden": golden}, extra={**extra, **files})


def _float16(
    model: FloatModel,
    request: Request,
    sample: Sample,
    chosen: _Outputs,
    sets: Sequence[Judged],
    log: Path,
    report: dict[str, Any],
) -> dict[str, bytes]:
    """The variant for GPUs, if it is wanted and answers like the float model."""
    if not request.float16 or request.scheme == "float16" or not sets:
        return {}
    half = convert(model, "float16", sample.tensors, log)
    some = slice(None, None, max(1, len(chosen.labels) // _PLAUSIBLE_ON))
    off = np.abs(softmax(float_outputs(half, sets[0].tensors[some])) - softmax(chosen.exact[some])).max()
    report["float16"] = {"bytes": len(half), "largest_difference": round(float(off), 5)}
    return {FLOAT16_FILE: half} if off <= _FLOAT16_OFF else {}


def _implausible(model: FloatModel, run: Run, chosen: _Outputs, judging: Any) -> list[Finding]:
    """Mistakes in the contract that float and converted model make alike, so that no loss shows them."""
    findings = []
    probabilities = in_emotions(chosen.exact, run.labels)
    if moved := better_labels(probabilities, chosen.labels, EMOTIONS):
        words = ", ".join(f"{one!r} seems to be {other!r}" for one, other in moved.items())
        findings.append(
            Finding(
                "labels", f"the order of labels contradicts the data: {words}.", "Give the right one with --labels."
            )
        )
    if isinstance(run.input, FaceInput) and judging is not None:
        faces = few(_chosen(judging), _PLAUSIBLE_ON)
        answer = _judge(faces)

        def answers(spec: FaceInput) -> NDArray[np.float32]:
            return in_emotions(answer(model, spec)[0], run.labels)

        own = answers(run.input)
        better = {}
        for spec in usual(run.input):
            other = answers(spec)
            if certainly_better(other, own, faces.labels):
                better[float((other.argmax(axis=1) == faces.labels).mean())] = spec
        if better:
            share, spec = max(better.items())
            at = float((own.argmax(axis=1) == faces.labels).mean())
            findings.append(
                Finding(
                    "scaling",
                    f"pixels mapped onto {run.input.low:g}..{run.input.high:g} {run.input.order} make the model right "
                    f"for {100 * at:.1f} % of {len(faces)} balanced faces, onto {spec.low:g}..{spec.high:g} "
                    f"{spec.order} (mean {list(spec.mean)}, std {list(spec.std)}) for {100 * share:.1f} %.",
                    "Give what the model was trained with: --range, --order, --mean, --std.",
                )
            )
    if not better_than_chance(probabilities, chosen.labels):
        findings.append(
            Finding(
                "chance",
                f"the float model is no better than always saying the commonest label on {chosen.name}.",
                "Check its labels, its input and the data; train it longer.",
            )
        )
    return findings


def _temperature(chosen: _Outputs, labels: Sequence[str]) -> float:
    return fit_temperature(_logits(chosen.found), chosen.labels, emotion_matrix(labels))


def _calibrated(outputs: NDArray[np.float32], labels: Sequence[str], temperature: float) -> NDArray[np.float32]:
    return in_emotions(softmax(_logits(outputs), temperature), labels)


def _logits(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log(np.maximum(outputs, 1e-6)) if are_probabilities(outputs) else outputs


def _parameters(model: FloatModel) -> int | None:
    return int(model.keras.count_params()) if model.keras is not None else None


def _sha256(path: Path) -> str:
    """Of a file, or of all files in a folder with their names."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(file.relative_to(path).as_posix().encode() if path.is_dir() else b"")
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _is_face(request: Request, model: FloatModel) -> bool:
    return request.task == "face" and len(model.input_shape) == 3
