"""A batch of files: what is done already, what is left, how far it is, how it ended."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge.analyze.inputs import Input, find_inputs, shard
from edge.analyze.one_file import Job
from edge.analyze.report import write_report
from edge.analyze.summary import Summary, made_with, read_summary
from edge.analyze.workers import analyze_all
from edge.config import CameraConfig, Config, MicrophoneConfig
from edge.errors import ConfigError, EdgeError
from edge.installation import install_extra
from edge.perceive.package import find_package, load_package
from edge.service.models import wanted_models

OK, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked on the command line; `processes` 0 is one a core, `fps` 0 as the configuration says."""

    paths: Sequence[Path]
    out: Path
    processes: int = 0
    fps: float = 0
    part: int = 1
    parts: int = 1
    video: bool = True
    again: bool = False
    as_json: bool = False


def run_analyze(config: Config, request: Request, write: Callable[[str], Any]) -> int:
    """Analyse what was asked; the exit code: 0, or 1 if a file could not be read, or not to its end.

    Args:
        config: its models, thresholds, enabled senses and the camera's `fps` count; what else it says of devices is
            not about files.
        write: is given the lines of the outcome.

    Raises:
        ConfigError: a path is missing, or there is nothing to analyse.
        ModelError: a model cannot be used.
        EdgeError: a library of the extra ``analyze`` is missing, or `out` cannot be written.
    """
    _need_libraries()
    inputs = shard(find_inputs(request.paths, request.out), request.part, request.parts)
    _make(request.out)
    config = replace(
        config,
        camera=CameraConfig(enabled=config.camera.enabled, fps=request.fps or config.camera.fps),
        microphone=MicrophoneConfig(enabled=config.microphone.enabled),
    )
    job = Job(config, request.out, request.video, made_with(config, _models(config), request.video))
    done = {} if request.again else {item: old for item in inputs if (old := _kept(item, job))}
    left = [item for item in inputs if item not in done]
    processes = request.processes or len(os.sched_getaffinity(0))
    job = replace(job, alongside=processes >= 2 * sum(not item.is_image for item in left))
    begun = time.perf_counter()
    summaries: list[Summary] = []
    with _EndedBySigterm(), _Progress(left, done=len(done)) as progress:
        for one in analyze_all(left, job, processes, progress.at):
            summaries.append(one)
            progress.done(one)
    report = write_report(request.out)
    everything = [*done.values(), *summaries]
    took_s = time.perf_counter() - begun
    failed = [summary for summary in everything if summary.failure]
    if request.as_json:
        write(json.dumps(_told(everything, summaries, report, took_s), ensure_ascii=False, indent=2))
    else:
        for bad in failed:
            write(f"failed: {bad.failure}")
        length_s = sum(summary.length_s for summary in summaries)
        speed = f", {length_s / took_s:.1f} times real time" if length_s else ""
        kept = f", {len(done)} done before" if done else ""
        write(f"{len(summaries)} files in {took_s:.1f} s{speed}{kept}, {len(failed)} failed: {report}")
    return FAILED if failed else OK


def _need_libraries() -> None:
    try:
        import av
        import jinja2
        import tqdm
    except ImportError as error:
        raise EdgeError(f"analyze needs a library ({error}). Install it with: {install_extra('analyze')}") from error
    del av, jinja2, tqdm


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: expected a folder that can be written: {error.strerror}") from error


def _models(config: Config) -> list[str]:
    """The hashes of the models: a broken one is told before any process starts."""
    return [load_package(find_package(name), task).sha256 for task, name in wanted_models(config)]


def _kept(item: Input, job: Job) -> Summary | None:
    """The summary of a former run, if it is of this very file, made with these very settings, and good."""
    summary = read_summary(job.out / item.folder)
    try:
        state = item.path.stat()
    except OSError:
        return None
    same = summary and (summary.source_bytes, summary.source_ns, summary.made_with) == (
        state.st_size,
        state.st_mtime_ns,
        job.made_with,
    )
    return summary if same and summary and not summary.failure else None


def _told(everything: Sequence[Summary], now: Sequence[Summary], report: Path, took_s: float) -> dict[str, Any]:
    return {
        "files": len(everything),
        "analyzed": len(now),
        "failed": [{"file": summary.file, "reason": summary.failure} for summary in everything if summary.failure],
        "length_s": round(sum(summary.length_s for summary in now), 3),
        "took_s": round(took_s, 3),
        "report": str(report),
    }


class _Progress:
    """On stderr: a bar on a terminal, else a line a file. Time left goes by bytes, known before a file is opened."""

    def __init__(self, items: Sequence[Input], done: int) -> None:
        from tqdm import tqdm

        self._sizes = {item.path: item.path.stat().st_size for item in items}
        self._shares: dict[Path, float] = {}
        self._seconds: dict[Path, float] = {}
        self._finished, self._count, self._done = 0, len(items), done
        self._begun = time.monotonic()
        self._shown = 0.0
        self._lines = not sys.stderr.isatty()
        self._bar = tqdm(
            total=sum(self._sizes.values()),
            disable=self._lines,
            bar_format="{percentage:3.0f}%|{bar}| {desc} [{elapsed}, {remaining} left]",
        )

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def at(self, item: Input, share: float, seconds: float) -> None:
        """So much of a file is done."""
        self._shares[item.path] = min(1.0, share)
        self._seconds[item.path] = seconds
        self._show()

    def done(self, summary: Summary) -> None:
        """A file is done."""
        path = Path(summary.file)
        self._shares[path], self._seconds[path] = 1.0, summary.length_s
        self._finished += 1
        if self._lines:
            how = f"failed: {summary.failure}" if summary.failure else "; ".join(summary.remarks) or "good"
            speed = f" {summary.speed:.1f} times real time," if summary.length_s else ""
            print(f"[{self._finished}/{self._count}] {summary.file}:{speed} {how}", file=sys.stderr, flush=True)  # noqa: T201
        self._show()

    def _show(self) -> None:
        read = sum(self._sizes[path] * share for path, share in self._shares.items())
        speed = sum(self._seconds.values()) / max(time.monotonic() - self._begun, 1e-3)
        before = f" ({self._done} before)" if self._done else ""
        # As a description: tqdm begins a postfix with a comma.
        told = f"{self._finished}/{self._count} files{before}, {speed:.1f} times real time"
        self._bar.set_description_str(told, refresh=False)
        self._bar.update(read - self._shown)
        self._shown = read


class _EndedBySigterm:
    """SIGTERM, as a batch scheduler sends it, ends as Ctrl-C does: the processes with it, the results so far kept."""

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, _interrupt)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
