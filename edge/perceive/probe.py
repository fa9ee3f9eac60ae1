"""Try an accelerator in a process of its own: a driver or a delegate that crashes takes only that process with it."""

from __future__ import annotations

import base64
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import ModelError
from edge.perceive.engine import Engine, Placement

# A crash is seen at once. What hangs is given up after this time: GPU drivers compile shaders for seconds.
_HANGS_S = 10.0
# Nobody's start waits for a measurement that was asked for.
_PATIENCE_S = 60.0
#: Largest difference of outputs from the CPU's for the same file, as a share of the CPU's largest output. Float16
#: arithmetic stays far below, int8 within a step or two; a broken driver does not.
TOLERANCE = 0.05
_SEED = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """One call of the model, in milliseconds: the first (with what it compiles), then median and 95th percentile.

    `difference` is from the CPU, as a share of its largest output; `whole` is as of Engine; `grown_bytes` is by how
    much the process grew in memory, with the model and what runs it.
    """

    first_ms: float
    p50_ms: float
    p95_ms: float
    difference: float
    whole: bool
    grown_bytes: int


def probe(path: Path, placements: Sequence[Placement], seconds: float, patience_s: float = _HANGS_S) -> list[Measured]:
    """Run `path` at each of `placements` for `seconds`, all in one process, after a comparison with the CPU.

    Args:
        patience_s: after so long, besides the measurements, it is said to hang.

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
        answer, _ = child.communicate(json.dumps(job).encode(), timeout=patience_s + seconds * len(placements))
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
    resident = _resident_bytes()
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
    grown_bytes = _resident_bytes() - resident
    return Measured(first_ms, float(p50_ms), float(p95_ms), difference, engine.whole, grown_bytes)


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def bench_files(
    files: Mapping[str, bytes], jobs: Sequence[tuple[str, Placement]], seconds: float
) -> list[dict[str, Any]]:
    """Run each of `jobs`, a name of `files` and a placement, in a process of its own: its figures, or its ``error``."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        for name, placement in jobs:
            row: dict[str, Any] = {"accelerator": placement.accelerator, "threads": placement.threads, "file": name}
            try:
                (measured,) = probe(Path(folder) / name, [placement], seconds, _PATIENCE_S)
                rows.append({**row, **asdict(measured)})
            except ModelError as error:
                rows.append({**row, "error": str(error).replace(f"{folder}/", "")})
    return rows


def bench_from_stdin() -> None:
    """`bench_files` for another machine, over ssh: a JSON object on standard input, its rows on standard output."""
    order = json.loads(sys.stdin.read())
    files = {name: base64.b64decode(content) for name, content in order["files"].items()}
    jobs = [(name, Placement(**place)) for name, place in order["jobs"]]
    rows = bench_files(files, jobs, order["seconds"])
    sys.stdout.write(json.dumps({"machine": machine(), "rows": rows}) + "\n")


def machine() -> dict[str, Any]:
    """What this machine is, as far as it decides how fast a model runs."""
    try:
        name = Path("/proc/device-tree/model").read_text(encoding="utf-8").strip("\0")
    except OSError:
        name = platform.node()
    return {
        "name": name,
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
