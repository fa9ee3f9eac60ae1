"""From a trained model to a model package: converted, calibrated, judged; refused if it lost too much."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.contract import Given, check_contract, describe, resolve
from convert.examples import calibration_sample, few, judged_contempt, judged_faces, judged_speech, read_faces
from convert.float_model import FloatModel, load_float
from convert.folds import Making, fold_folders
from convert.gate import Finding, Limits, as_json, losses
from convert.gate_report import write_report
from convert.golden import golden_vectors
from convert.judge_classifier import ClassifierJudge, FoldsJudge, answers_to
from convert.judging import Judge, Subject, Verdict
from convert.operations import keep_in_float, layer_errors, operations
from convert.package import write_package
from convert.prepare import prepare
from convert.quantize_detector import detector_subject
from convert.quantize_fusion import fusion_subject
from convert.representative import COUNT, SEED
from convert.run import Run, Task, read_run
from convert.schemes import UnquantizableError, convert
from edge.errors import ConfigError
from edge.perceive.cells import SCORE
from edge.perceive.detector import CellDetector
from edge.perceive.engine import Engine
from edge.perceive.package import FLOAT16_FILE, load_package
from edge.perceive.runtime import Model, softmax

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

    `evaluate` None: judged on the test part of `calibration`; `report` None: beside `out`; `count` None: as many
    examples to calibrate on as the task is used to.
    """

    task: Task
    calibration: Path
    out: Path
    evaluate: Path | None = None
    report: Path | None = None
    scheme: str = "int8"
    count: int | None = None
    limits: Limits = field(default_factory=Limits)
    given: Given = field(default_factory=Given)
    size: tuple[int, ...] | None = None
    float16: bool = True
    finetune: int = 0


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
    subject = _subject(path, run_folder, request, log)
    model, run, sample = subject.model, subject.run, subject.sample
    prepared, pairs = prepare(model, sample.tensors, request.scheme, request.finetune, log)
    report: dict[str, Any] = {
        "model": path.name if run_folder is None else run_folder.name,
        "sha256": _sha256(path),
        "scheme": request.scheme,
        "limits": asdict(request.limits),
        "equalized": pairs,
        "finetuned_epochs": request.finetune,
        "contract": describe(run, subject.how),
        "calibration": {
            "count": len(sample.names),
            "data": request.calibration.name,
            "seed": SEED,
            "items": list(sample.names),
        },
        "converter": {name: version(name) for name in ("keras", "tensorflow", "ai-edge-litert", "ai-edge-quantizer")},
    }
    try:
        package = _make(subject, prepared, request, log, report)
    except UnquantizableError as error:
        report |= {"passed": False, "findings": as_json([Finding("operation", str(error), error.advice)])}
        write_report(report_folder, report)
        return report
    write_report(report_folder, report)
    if report["passed"]:
        package.write(request.out)
    return report


def _subject(path: Path, run_folder: Path | None, request: Request, log: Path) -> Subject:
    if request.task == "detector":
        return detector_subject(
            path, request.calibration, request.evaluate, request.scheme, request.count, request.size, request.given, log
        )
    model = load_float(path, log, request.size)
    if request.task == "fusion":
        count = request.count or COUNT
        return fusion_subject(model, request.calibration, request.evaluate, request.scheme, count, request.given)
    is_face = request.task == "face" and len(model.input_shape) == 3
    kind = read_run(run_folder).about.get("recipe", {}).get("labels", "fer") if run_folder else "fer"
    faces = read_faces(request.calibration, model.input_shape, kind) if is_face else None
    judging = read_faces(request.evaluate, model.input_shape, kind) if faces and request.evaluate else faces
    chosen = judging.splits[judging.chosen_on] if judging else None
    run, how = resolve(model, request.task, request.given, answers_to(few(chosen, _MEASURED_ON)) if chosen else None)
    check_contract(model, run)
    folds = run_folder if run_folder and run.task == "speech" else None
    if folds and not fold_folders(folds):
        raise ConfigError(
            f"{folds}: expected the fold models fold-1, fold-2, ... beside it: the temperature and the figures of a "
            "speech model come from voices that it has never heard. Make them with 'emotion-convert train speech "
            "--folds'."
        )
    count = request.count or COUNT
    sample = calibration_sample(run, request.calibration, count, faces)

    def judge(made: FloatModel) -> Judge:
        if folds:
            return FoldsJudge(run, folds, request.calibration, Making(request.scheme, count, request.finetune))
        sets = judged_faces(run, judging) if judging else judged_speech(run, request.evaluate or request.calibration)
        contempt = judged_contempt(run, request.evaluate or request.calibration) if judging else ()
        return ClassifierJudge(made, run, sets, request.scheme, chosen, contempt=contempt)

    return Subject(model, run, how, sample, judge)


@dataclass(frozen=True, slots=True, eq=False)
class _Package:
    run: Run
    tflite: bytes
    verdict: Verdict
    facts: dict[str, Any]
    extra: dict[str, bytes]
    output: str

    def write(self, folder: Path) -> None:
        verdict = self.verdict
        facts = {**verdict.facts, **self.facts}
        write_package(
            folder, self.run, self.tflite, verdict.temperature, verdict.metrics, facts, self.extra, self.output
        )


def _make(subject: Subject, model: FloatModel, request: Request, log: Path, report: dict[str, Any]) -> _Package:
    """Convert `model`, judge it beside the subject's own; fills `report`."""
    run, tensors = subject.run, subject.sample.tensors
    judge = subject.judge(subject.model)
    few_tensors = tensors[:: max(1, len(tensors) // _LAYERS_ON)][:_LAYERS_ON]

    def attempt(in_float: Sequence[str]) -> tuple[bytes, Verdict, list[Finding], list[str]]:
        tflite = convert(model, request.scheme, tensors, log, in_float)
        verdict = judge.judge(tflite, len(in_float))
        errors = layer_errors(model.tflite, tflite, few_tensors)
        report["worst_layers"] = [asdict(layer) for layer in errors[:_WORST]]
        ranked = keep_in_float(errors)
        findings = losses(verdict.compared, request.limits, ranked[0] if ranked else "", request.scheme)
        return tflite, verdict, findings, ranked

    tflite, verdict, findings, ranked = attempt(())
    if request.scheme == "mixed":
        for count in sorted({*(count for count in _IN_FLOAT if count < len(ranked)), len(ranked)}):
            if not findings:
                break
            tflite, verdict, findings, _ = attempt(ranked[:count])
            report["in_float"] = ranked[:count]
    findings = [*findings, *judge.implausible()]
    found_operations = operations(tflite)
    macs = sum(operation.macs for operation in found_operations)
    report |= {
        "passed": not findings,
        "findings": as_json(findings),
        "evaluated_on": verdict.name,
        "compared": verdict.compared,
        "size": {
            "bytes": len(tflite),
            "float_bytes": len(model.tflite),
            "macs": macs,
            "operations": dict(Counter(operation.name for operation in found_operations)),
        },
    }
    facts: dict[str, Any] = {
        "scheme": request.scheme,
        "parameters": int(model.keras.count_params()) if model.keras is not None else None,
        "macs": macs,
        "converter": report["converter"],
    }
    extra = _float16(model, request, few_tensors, log, report) if not findings else {}
    package = _Package(run, tflite, verdict, facts, extra, judge.output)
    if findings:
        return package
    with tempfile.TemporaryDirectory() as draft:
        package.write(Path(draft))
        made = load_package(Path(draft), run.task)
        golden, files = golden_vectors(CellDetector(made) if run.task == "detector" else Model(made))
    return replace(package, facts={**facts, "golden": golden}, extra={**extra, **files})


def _float16(
    model: FloatModel, request: Request, tensors: NDArray[np.float32], log: Path, report: dict[str, Any]
) -> dict[str, bytes]:
    """The variant for GPUs, if it is wanted and answers like the float model."""
    if not request.float16 or request.scheme == "float16":
        return {}
    half = convert(model, "float16", tensors, log)
    off = float(np.abs(_shares(half, tensors) - _shares(model.tflite, tensors)).max())
    report["float16"] = {"bytes": len(half), "largest_difference": round(off, 5)}
    return {FLOAT16_FILE: half} if off <= _FLOAT16_OFF else {}


def _shares(tflite: bytes, tensors: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a classifier's probabilities or a detector's scores come from, in 0..1."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.tflite"
        file.write_bytes(tflite)
        engine = Engine(file)
        if len(engine.output_shapes) == 1:
            return softmax(np.stack([engine.run(tensor)[0] for tensor in tensors]))
        place = [shape[-1] for shape in engine.output_shapes].index(SCORE)
        return np.asarray(1 / (1 + np.exp(-np.stack([engine.run(tensor)[place] for tensor in tensors]))), np.float32)


def _sha256(path: Path) -> str:
    """Of a file, or of all files in a folder with their names."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(file.relative_to(path).as_posix().encode() if path.is_dir() else b"")
            digest.update(file.read_bytes())
    return digest.hexdigest()
