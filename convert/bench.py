"""How fast a model runs, by accelerator and number of threads: here, or over ssh on a device."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast, get_args

from edge.errors import ConfigError, ModelError
from edge.perceive.engine import Accelerator, Placement
from edge.perceive.package import FLOAT16_FILE
from edge.perceive.probe import bench_files, bench_from_stdin, machine

_DEVICE_PYTHON = "/opt/emotion-edge/bin/python"
_CONNECT_S = 60.0


def bench(
    model: Path,
    accelerators: Sequence[str],
    threads: Sequence[int],
    seconds: float,
    fps: float,
    delegate: str = "",
    options: Mapping[str, str] | None = None,
    host: str | None = None,
    ssh: str = "ssh",
    python: str | None = None,
) -> dict[str, Any]:
    """Rows of figures for `model`, a package's folder or a .tflite file, and the machine that they come from.

    The CPU has a row for each of `threads`, the others one. The GPU takes the package's float16 variant. A row that
    cannot be measured says why under ``error``. ``share_of_frame`` is the median's share of the time between frames.

    Raises:
        ConfigError: an accelerator is not known, or the host cannot be used.
        ModelError: there is no such model.
    """
    if strange := [name for name in accelerators if name not in get_args(Accelerator)]:
        raise ConfigError(f"--accelerators: expected some of {', '.join(get_args(Accelerator))}, got {strange}.")
    files = _files(model)
    jobs: list[tuple[str, Placement]] = []
    for name in accelerators:
        accelerator = cast(Accelerator, name)
        file = FLOAT16_FILE if name == "gpu" and FLOAT16_FILE in files else "model.tflite"
        own = delegate if name in ("external", "npu") else ""
        for count in threads if name == "cpu" else threads[:1]:
            jobs.append((file, Placement(accelerator, count, own, dict(options or {}))))
    if host:
        told = _remote(files, jobs, seconds, host, ssh, python or _DEVICE_PYTHON)
    else:
        told = {"machine": machine(), "rows": bench_files(files, jobs, seconds)}
    for row in told["rows"]:
        if "p50_ms" in row:
            row["share_of_frame"] = round(row["p50_ms"] * fps / 1000, 4)
    return {"model": model.name, "fps": fps, **told}


def _files(model: Path) -> dict[str, bytes]:
    paths = [model] if model.suffix == ".tflite" else [model / "model.tflite", model / FLOAT16_FILE]
    try:
        return {
            "model.tflite" if path.name != FLOAT16_FILE else FLOAT16_FILE: path.read_bytes()
            for path in paths
            if path.name != FLOAT16_FILE or path.is_file()
        }
    except OSError as error:
        raise ModelError(f"{model}: expected a package's folder or a .tflite file: {error.strerror}.") from error


def _remote(
    files: Mapping[str, bytes],
    jobs: Sequence[tuple[str, Placement]],
    seconds: float,
    host: str,
    ssh: str,
    python: str,
) -> dict[str, Any]:
    """One connection; nothing is left on the device."""
    code = f"from edge.perceive.probe import {bench_from_stdin.__name__} as run; run()"
    # BatchMode: a missing key is an error, not a question that nobody sees.
    command = [*shlex.split(ssh), "-o", "BatchMode=yes", host, f"{shlex.quote(python)} -c {shlex.quote(code)}"]
    order = {
        "files": {name: base64.b64encode(content).decode() for name, content in files.items()},
        "jobs": [(name, asdict(placement)) for name, placement in jobs],
        "seconds": seconds,
    }
    limit_s = _CONNECT_S + len(jobs) * (seconds + 30)
    try:
        done = subprocess.run(
            command, input=json.dumps(order), capture_output=True, text=True, timeout=limit_s, check=False
        )
    except FileNotFoundError as error:
        raise ConfigError(
            f"{command[0]}: no such program. Install openssh-client, or name another with --ssh."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"{host}: no answer within {limit_s:.0f} s.") from error
    try:
        return dict(json.loads(done.stdout))
    except ValueError as error:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ConfigError(
            f"{host}: cannot be measured: {reason}. Expected to get in by key, and {python} with the emotion-edge of "
            "this version there; --python names another."
        ) from error


def bench_table(told: Mapping[str, Any]) -> str:
    """The figures for a terminal."""
    about = told["machine"]
    lines = [
        f"{told['model']} on {about['name']} ({about['processor']}, {about['cores']} cores, load {about['load']})",
        f"{'accelerator':<12}{'threads':>8}{'first ms':>10}{'p50 ms':>9}{'p95 ms':>9}{'MB':>7}{'of a frame':>12}  file",
    ]
    for row in told["rows"]:
        start = f"{row['accelerator']:<12}{row['threads']:>8}"
        if "error" in row:
            lines.append(f"{start}  {row['error']}")
            continue
        part = " (partly)" if not row["whole"] else ""
        lines.append(
            f"{start}{row['first_ms']:>10.1f}{row['p50_ms']:>9.3f}{row['p95_ms']:>9.3f}{row['grown_bytes'] / 1e6:>7.1f}"
            f"{100 * row['share_of_frame']:>10.1f} %  {row['file']}{part}"
        )
    lines.append(f"of a frame: the median's share of the time between two frames at {told['fps']:g} a second")
    return "\n".join(lines)
