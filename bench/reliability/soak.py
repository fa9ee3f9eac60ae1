"""The service for a long time, with a live camera and a live microphone: what grows, and what is lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.reliability.hub import Listener
from bench.reliability.live import missing
from bench.reliability.stage import stage

Rows = Iterator[tuple[str, str]]
Sample = dict[str, float]

#: Caches fill and the allocator finds its size: growth is counted from here on.
_SETTLED_S = 180
_MOST_GROWTH = 1.05
#: "Flat": other work on the machine moves it by some hundredths from minute to minute, and frames are dropped then.
_MOST_CPU_GROWTH = 1.1


def soak(_folder: Path, minutes: int = 60) -> Rows:
    """The service at 15 frames a second and with live sound without a break, on a broker, for an hour."""
    if lacking := missing():
        raise SystemExit(f"no live camera and microphone here: {lacking}")
    samples: list[Sample] = []
    with stage(health_s=10) as all_:
        listener, health = Listener(all_.broker.port), all_.hub.reports
        try:
            process = psutil.Process(all_.process.pid)
            if not listener.wait(lambda: bool(listener.heard), 60):
                raise SystemExit(f"no event within a minute:\n{all_.log}")
            begin = time.monotonic()
            settled = min(_SETTLED_S, minutes * 20)
            cpu_s, then = _cpu_s(process), begin
            while time.monotonic() - begin < minutes * 60:
                time.sleep(30)
                if all_.process.poll() is not None:
                    raise SystemExit(f"the service ended:\n{all_.log[-3000:]}")
                now, used_s = time.monotonic(), _cpu_s(process)
                samples.append(
                    {
                        "at_s": now - begin,
                        "rss": process.memory_info().rss,
                        "threads": process.num_threads(),
                        "fds": process.num_fds(),
                        "cpu": (used_s - cpu_s) / (now - then),
                        "load": os.getloadavg()[0],
                    }
                )
                cpu_s, then = used_s, now
                if len(samples) % 20 == 0 or len(samples) == 1:
                    yield f"after {samples[-1]['at_s'] / 60:.0f} minutes", _words(samples[-1], health[-1][1])
            last = health[-1][1]
            all_.process.terminate()
            listener.wait(lambda: False, 2)  # the goodbye
        finally:
            listener.close()
    numbers = listener.numbers()
    holes = max(numbers) - len(numbers)
    kept = [sample for sample in samples if sample["at_s"] >= settled]
    first, end = _sixths(kept)
    growth = _mean(end, "rss") / _mean(first, "rss")
    yield (
        "RSS: first, last sixth of the time",
        (f"{_mean(first, 'rss') / 1e6:.1f} MB, {_mean(end, 'rss') / 1e6:.1f} MB ({growth * 100 - 100:+.1f} %)"),
    )
    for name in ("threads", "fds"):
        values = [int(sample[name]) for sample in kept]
        yield f"{name}: at first, at the end, most", f"{values[0]}, {values[-1]}, {max(values)}"
    yield "CPU: first, last sixth, of one core", f"{_mean(first, 'cpu') * 100:.0f} %, {_mean(end, 'cpu') * 100:.0f} %"
    yield (
        "load of the machine: median, most",
        (f"{np.median([s['load'] for s in samples]):.1f}, {max(s['load'] for s in samples):.1f}"),
    )
    yield (
        "frames read, dropped; chunks of sound read, lost",
        (
            f"{last['camera']['read']}, {last['camera']['dropped']}; "
            f"{last['microphone']['read']}, {last['microphone']['dropped']}"
        ),
    )
    yield "events, lost, gap records", f"{len(numbers)}, {holes}, {len(listener.gaps)}"
    broken = grown(kept)
    if holes or listener.gaps:
        broken.append(f"{holes} events lost, {len(listener.gaps)} gaps")
    if broken:
        raise SystemExit(f"broken: {'; '.join(broken)}")


def grown(samples: list[Sample]) -> list[str]:
    """What is more at the end of `samples` than at their beginning by more than is allowed, in words; RSS and CPU by
    the means of the first and last sixth, threads and descriptors by the most there ever were."""
    first, end = _sixths(samples)
    words = []
    if _mean(end, "rss") > _MOST_GROWTH * _mean(first, "rss"):
        words.append(f"RSS grew from {_mean(first, 'rss') / 1e6:.1f} to {_mean(end, 'rss') / 1e6:.1f} MB")
    if _mean(end, "cpu") > _MOST_CPU_GROWTH * _mean(first, "cpu"):
        words.append(f"the share of CPU grew from {_mean(first, 'cpu'):.2f} to {_mean(end, 'cpu'):.2f}")
    for name in ("threads", "fds"):
        before, most = (max(sample[name] for sample in part) for part in (first, samples))
        if most > before:
            words.append(f"{name} grew from {before:.0f} to {most:.0f}")
    return words


def _sixths(samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
    count = max(1, len(samples) // 6)
    return samples[:count], samples[-count:]


def _mean(part: list[Sample], name: str) -> float:
    return float(np.mean([sample[name] for sample in part]))


def _words(sample: Sample, health: dict[str, Any]) -> str:
    return (
        f"RSS {sample['rss'] / 1e6:.1f} MB, {sample['threads']:.0f} threads, {sample['fds']:.0f} descriptors, "
        f"CPU {sample['cpu'] * 100:.0f} %, {health['camera']['rate_hz']:.1f} fps, p95 {health['latency_p95_ms']} ms, "
        f"load {sample['load']:.1f}"
    )


def _cpu_s(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))
