"""Choose where a model runs: as configured if that works, else on the CPU with one warning; never a crash.

An accelerator is first tried in a process of its own (edge.perceive.probe). ``auto`` takes what is faster in a second's
measurement and remembers it for as long as model, runtime and drivers stay what they are.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from edge.errors import ModelError
from edge.perceive.detector import CellDetector
from edge.perceive.engine import Accelerator, Placement
from edge.perceive.package import ModelPackage
from edge.perceive.probe import probe
from edge.perceive.runtime import Model
from edge.remembered import Remembered

_LOG = logging.getLogger(__name__)
Opened = TypeVar("Opened", Model, CellDetector)

_MEASURE_S = 1.0
# A driver costs memory and may fail later: an accelerator that saves less than this is not worth it.
_WORTHWHILE = 0.9
_REMEMBERED = "accelerators"
_ICD_FOLDERS = ("/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d")
_ICD_VARIABLES = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration asks for, for one model; `delegate` and `options` as for Placement."""

    accelerator: Accelerator | Literal["auto"] = "auto"
    threads: int = 1
    delegate: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def placement(self, accelerator: Accelerator) -> Placement:
        return Placement(accelerator, self.threads, self.delegate, self.options)


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a model runs and why, as it is told to people. Times are None where nothing was measured."""

    accelerator: Accelerator
    file: str
    reason: str
    p50_ms: float | None = None
    cpu_p50_ms: float | None = None


def open_model(package: ModelPackage, wanted: Wanted, remembered: Remembered | None = None) -> tuple[Model, Choice]:
    """Load the classifier `package` where `wanted` says.

    Raises:
        ModelError: it cannot run on the CPU either.
    """
    return _opened(Model, package, wanted, remembered)


def open_detector(
    package: ModelPackage, wanted: Wanted, remembered: Remembered | None = None
) -> tuple[CellDetector, Choice]:
    """Load the detector `package` where `wanted` says.

    Raises:
        ModelError: it cannot run on the CPU either.
    """
    return _opened(CellDetector, package, wanted, remembered)


def _opened(
    kind: Callable[..., Opened], package: ModelPackage, wanted: Wanted, remembered: Remembered | None
) -> tuple[Opened, Choice]:
    choice = choose(package, wanted, remembered)
    if choice.accelerator != "cpu":
        try:
            return kind(package, placement=wanted.placement(choice.accelerator), file=choice.file), choice
        except ModelError as error:
            choice = _fall_back(package, choice.accelerator, str(error))
    return kind(package, placement=wanted.placement("cpu")), choice


def choose(package: ModelPackage, wanted: Wanted, remembered: Remembered | None = None) -> Choice:
    """Decide where `package` shall run. Whatever is not the CPU has just answered as the CPU does."""
    if wanted.accelerator == "cpu":
        return _cpu("as configured")
    if wanted.accelerator != "auto":
        return _as_configured(package, wanted, wanted.accelerator)
    candidates = _candidates(wanted)
    if not candidates:
        return _cpu("auto: no other accelerator found")
    key = f"{package.sha256[:16]} {_drivers(package, wanted)}"
    if remembered and (known := _recalled(remembered, package.task, key)):
        if known.accelerator == "cpu":
            return known
        try:  # drivers break without changing their files
            probe(package.folder / known.file, [wanted.placement(known.accelerator)], 0)
            return known
        except ModelError as error:
            return _fall_back(package, known.accelerator, str(error))
    choice = _fastest(package, wanted, candidates)
    if remembered:
        every = remembered.get(_REMEMBERED)
        others = every if isinstance(every, dict) else {}
        remembered.put(_REMEMBERED, {**others, package.task: {"key": key, **asdict(choice)}})
    return choice


def _as_configured(package: ModelPackage, wanted: Wanted, accelerator: Accelerator) -> Choice:
    file = package.file_for(accelerator)
    if accelerator == "gpu" and not any(_vulkan_drivers()):
        return _fall_back(package, accelerator, "no Vulkan driver is installed (Debian: mesa-vulkan-drivers)")
    try:
        (measured,) = probe(package.folder / file, [wanted.placement(accelerator)], 0)
    except ModelError as error:
        return _fall_back(package, accelerator, str(error))
    return Choice(accelerator, file, "as configured" + _partly(measured.whole))


def _fastest(package: ModelPackage, wanted: Wanted, candidates: list[Accelerator]) -> Choice:
    (cpu,) = probe(package.model_path, [wanted.placement("cpu")], _MEASURE_S)
    best = replace(_cpu("auto: "), p50_ms=round(cpu.p50_ms, 3), cpu_p50_ms=round(cpu.p50_ms, 3))
    reasons = []
    for accelerator in candidates:
        file = package.file_for(accelerator)
        try:
            (measured,) = probe(package.folder / file, [wanted.placement(accelerator)], _MEASURE_S)
        except ModelError as error:
            reasons.append(f"{accelerator} does not work: {error}")
            continue
        faster = cpu.p50_ms / measured.p50_ms
        reasons.append(f"{accelerator} has {faster:.2g} times the CPU's speed{_partly(measured.whole)}")
        if measured.p50_ms < _WORTHWHILE * cast(float, best.p50_ms):
            best = replace(best, accelerator=accelerator, file=file, p50_ms=round(measured.p50_ms, 3))
    return replace(best, reason=f"auto: {'; '.join(reasons)}")


def _partly(whole: bool) -> str:
    return "" if whole else " (some operations stay on the CPU)"


def _cpu(reason: str) -> Choice:
    return Choice("cpu", "model.tflite", reason)


def _fall_back(package: ModelPackage, accelerator: Accelerator, why: str) -> Choice:
    _LOG.warning(
        "%s: the accelerator %r cannot be used: %s. It runs on the CPU; docs/accelerators.md says what to check",
        package.name,
        accelerator,
        why,
    )
    return _cpu(f"{accelerator} cannot be used: {why}")


def _candidates(wanted: Wanted) -> list[Accelerator]:
    """Accelerators besides the CPU that this machine seems to have; nothing is loaded to find out."""
    found: list[Accelerator] = []
    if any(_vulkan_drivers()) and _version("ai-edge-litert") is not None:
        found.append("gpu")
    if wanted.delegate:
        found.append("npu" if Path(wanted.delegate).is_dir() else "external")
    return found


def _vulkan_drivers() -> Iterator[Path]:
    """Manifests of installable client drivers, where Khronos' loader looks for them by default."""
    named = [name for variable in _ICD_VARIABLES for name in os.environ.get(variable, "").split(":") if name]
    for path in map(Path, [*named, *_ICD_FOLDERS]):
        if path.is_dir():
            yield from sorted(path.glob("*.json"))
        elif path.is_file():
            yield path


def _drivers(package: ModelPackage, wanted: Wanted) -> str:
    """A hash of what decides how fast and whether an accelerator works: runtime, drivers, kernel, settings."""
    facts: list[Any] = [platform.release(), platform.machine(), wanted.threads, sorted(wanted.options.items())]
    facts += [wanted.delegate, *(_version(name) for name in ("ai-edge-litert", "tflite-runtime"))]
    facts.append(sorted(package.description["files"].items()))
    # The version that NVIDIA's kernel module states; Mesa's changes with its manifest and libraries.
    files = [*_vulkan_drivers(), Path("/proc/driver/nvidia/version")]
    if wanted.delegate:
        named = Path(wanted.delegate)
        files += sorted(named.glob("*.so")) if named.is_dir() else [named]
    for path in files:
        try:
            status = path.stat()
        except OSError:
            continue
        facts.append((str(path), status.st_size, status.st_mtime_ns if status.st_size else path.read_text()))
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _recalled(remembered: Remembered, task: str, key: str) -> Choice | None:
    every = remembered.get(_REMEMBERED)
    entry = every.get(task) if isinstance(every, dict) else None
    if not isinstance(entry, dict) or entry.get("key") != key:
        return None
    try:
        return Choice(**{name: value for name, value in entry.items() if name != "key"})
    except TypeError:  # written by another version
        return None
