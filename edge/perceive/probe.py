"""Try an accelerator in a process of its own: a driver or a delegate that crashes takes only that process with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import ModelError
from edge.perceive.engine import Engine, Placement

# A crash is seen at once. What hangs is given up after this time: GPU drivers compile shaders for seconds.
_HANGS_S = 10.0
#: Largest difference of outputs from the CPU's for the same file, as a share of the CPU's largest output. Float16
#: arithmetic stays far below, int8 within a step or two; a broken driver does not.
TOLERANCE = 0.05
_SEED = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """One call of the model, in milliseconds: the first (with what it compiles), then median and 95th percentile.

    `difference` is from the CPU, as a share of its largest output; `whole` is as of Engine.
    """

    first_ms: float
    p50_ms: float
    p95_ms: float
    difference: float
    whole: bool


def probe(path: Path, placements: Sequence[Placement], seconds: float) -> list[Measured]:
    """Run `path` at each of `placements` for `seconds`, all in one process, after a comparison with the CPU.

    Raises:
        ModelError: it crashed, hung, was refused or answered differently; the message says which.
    """
    # With -c, whatever the folder is from which we run; our own folder, not the caller's, is looked into first.
    code = "import sys; sys.path.insert(0, sys.argv[1]); from edge.perceive.probe import main; main()"
    root = str(Path(__file__).resolve().parents[2])
    job = {"path": str(path), "placements": [asdict(place) for place in placements], "seconds": seconds}
    child = subprocess.Popen(
        [sys.executable, "-c", code, root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        answer, _ = child.communicate(json.dumps(job).encode(), timeout=_HANGS_S + seconds * (len(placements) + 1))
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"it did not answer within {error.timeout:.0f} s") from error
    finally:
        child.kill()
        child.wait()
    if child.returncode < 0:
        raise ModelError(f"it crashed ({signal.Signals(-child.returncode).name})")
    try:
        result = json.loads(answer)
    except ValueError as error:
        raise ModelError(f"it ended the process with exit code {child.returncode}") from error
    if "error" in result:
        raise ModelError(result["error"])
    return [Measured(**values) for values in result["measured"]]


def main() -> None:
    """The process of its own: a job as JSON on standard input, the outcome as JSON on standard output."""
    # Libraries print where they like; the outcome must stand alone.
    outcome = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.read())
    try:
        path = Path(job["path"])
        measured = [_measure(path, Placement(**place), job["seconds"]) for place in job["placements"]]
        result: dict[str, Any] = {"measured": [asdict(values) for values in measured]}
    except ModelError as error:
        result = {"error": str(error)}
    with outcome:
        json.dump(result, outcome)


def _measure(path: Path, placement: Placement, seconds: float) -> Measured:
    started = time.perf_counter()
    engine = Engine(path, placement)
    tensor = np.random.default_rng(_SEED).normal(0, 0.5, engine.input_shape[1:]).astype(np.float32)
    outputs = engine.run(tensor)
    first_ms = 1000 * (time.perf_counter() - started)
    difference = 0.0
    if placement.accelerator != "cpu":
        for got, expected in zip(outputs, Engine(path).run(tensor), strict=True):
            largest = float(np.abs(expected).max()) or 1.0
            difference = max(difference, float(np.abs(got - expected).max()) / largest)
        if not difference <= TOLERANCE:  # also NaN
            raise ModelError(
                f"its outputs differ from the CPU's by {100 * difference:.1f} %, more than {100 * TOLERANCE:.0f} %"
            )
    times_ms: list[float] = []
    until = time.perf_counter() + seconds
    while not times_ms or time.perf_counter() < until:
        before = time.perf_counter()
        engine.run(tensor)
        times_ms.append(1000 * (time.perf_counter() - before))
    p50_ms, p95_ms = np.percentile(times_ms, (50, 95))
    return Measured(first_ms, float(p50_ms), float(p95_ms), difference, engine.whole)
