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

#: Caches fill and the allocator finds its size: growth is counted from here on.
_SETTLED_S = 180
_MOST_GROWTH = 1.05


def soak(_folder: Path, minutes: int = 60) -> Rows:
    """The service at 15 frames a second and with live sound without a break, on a broker, for an hour."""
    if lacking := missing():
        raise SystemExit(f"no live camera and microphone here: {lacking}")
    samples: list[dict[str, float]] = []
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
    first, end = kept[: max(1, len(kept) // 6)], kept[-max(1, len(kept) // 6) :]

    def mean(part: list[dict[str, float]], name: str) -> float:
        return float(np.mean([sample[name] for sample in part]))

    growth = mean(end, "rss") / mean(first, "rss")
    yield (
        "RSS: first, last sixth of the time",
        (f"{mean(first, 'rss') / 1e6:.1f} MB, {mean(end, 'rss') / 1e6:.1f} MB ({growth * 100 - 100:+.1f} %)"),
    )
    for name in ("threads", "fds"):
        values = [int(sample[name]) for sample in kept]
        yield f"{name}: at first, at the end, most", f"{values[0]}, {values[-1]}, {max(values)}"
    yield "CPU: first, last sixth, of one core", f"{mean(first, 'cpu') * 100:.0f} %, {mean(end, 'cpu') * 100:.0f} %"
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
    if holes or listener.gaps or growth > _MOST_GROWTH or kept[-1]["threads"] > kept[0]["threads"]:
        raise SystemExit("broken: an event was lost, or something grew")
    if kept[-1]["fds"] > kept[0]["fds"]:
        raise SystemExit("broken: file descriptors grew")


def _words(sample: dict[str, float], health: dict[str, Any]) -> str:
    return (
        f"RSS {sample['rss'] / 1e6:.1f} MB, {sample['threads']:.0f} threads, {sample['fds']:.0f} descriptors, "
        f"CPU {sample['cpu'] * 100:.0f} %, {health['camera']['rate_hz']:.1f} fps, p95 {health['latency_p95_ms']} ms, "
        f"load {sample['load']:.1f}"
    )


def _cpu_s(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))
