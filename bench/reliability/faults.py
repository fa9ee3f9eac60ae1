"""What breaks, what the service says, and how soon it is whole again: `make faults`.

Each fault is a real one: processes killed and frozen, a full disk, a read-only disk, a clock that jumps, a processor
that is taken away. Times are for an idle machine: each table tells the load.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.reliability.live import FPS, Child, missing, service
from bench.reliability.stage import Hub, Stage, stage, well

#: The bars, in seconds: a frozen read is seen, the other sense goes on, everything is whole again.
SEEN_S, GOES_ON_S, WHOLE_S = 5.0, 2.0, 10.0
_HOLD_S = 6.0
_RESTART_S = 2.0  # RestartSec of the unit
_YEAR_S = 365 * 86_400
_FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds until the fault was told of, until all was well after its end, and the other sense's longest silence."""

    seen_s: float | None
    whole_s: float
    silence_s: float
    remark: str = ""

    @property
    def held(self) -> bool:
        return (self.seen_s or 0) <= SEEN_S and self.whole_s <= WHOLE_S and self.silence_s <= GOES_ON_S


def absent(kind: str) -> Outcome:
    """not there at the start, then plugged in"""
    with stage(**{kind: False}) as all_:  # type: ignore[arg-type]
        device, other = _two(all_, kind)
        all_.hub.wait(lambda r: r[other]["state"] == "ok" and r[kind]["state"] == "down", "the other sense")
        begin = time.monotonic()
        time.sleep(_HOLD_S)
        silence = all_.hub.silence_s(other, begin, time.monotonic())
        back = time.monotonic()
        device.start()
        whole = all_.hub.wait(well, "both senses")
        return Outcome(None, whole - back, silence, _reason(all_, kind))


def killed(kind: str) -> Outcome:
    """killed, then started again"""
    return _broken(kind, lambda device: device.kill(), lambda device: device.start())


def frozen(kind: str) -> Outcome:
    """frozen (SIGSTOP: a read that never returns), then going on"""
    return _broken(kind, lambda device: device.freeze(), lambda device: device.thaw())


def _broken(kind: str, break_: Callable[[Child], None], mend: Callable[[Child], None]) -> Outcome:
    with stage() as all_:
        device, other = _two(all_, kind)
        all_.hub.wait(well, "both senses at the start")
        time.sleep(2)
        begin = time.monotonic()
        break_(device)
        seen = all_.hub.wait(lambda r: r[kind]["state"] == "down", f"{kind} down") - begin
        time.sleep(_HOLD_S)
        back = time.monotonic()
        mend(device)
        whole = all_.hub.wait(well, "both senses again")
        return Outcome(seen, whole - back, all_.hub.silence_s(other, begin, whole), _reason(all_, kind))


def clock(direction: int) -> Outcome:
    """the clock jumps by a year"""
    found = sorted(Path("/").glob(_FAKETIME.lstrip("/")))
    if not found:
        raise SystemExit("no libfaketime here: sudo apt-get install faketime")
    with tempfile.TemporaryDirectory() as folder:
        offset = Path(folder) / "offset"
        offset.write_text("+0", encoding="ascii")
        environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with stage(environment=environment) as all_:
            all_.hub.wait(well, "both senses at the start")
            _wait_events(all_.hub, 3)
            begin = time.monotonic()
            offset.write_text(f"{direction * _YEAR_S:+d}", encoding="ascii")
            before = len(all_.hub.events)
            _wait_events(all_.hub, before + 4)
            now = time.monotonic()
            numbers = [event["sequence"] for _, event in all_.hub.events]
            years = sorted({event["time"][:4] for _, event in all_.hub.events})
            ordered = numbers == sorted(numbers) == list(range(numbers[0], numbers[0] + len(numbers)))
            late = sum(event["late"] for _, event in all_.hub.events)
            silence = max(all_.hub.silence_s(sense, begin, now) for sense in ("camera", "microphone"))
            if not ordered or len(years) < 2:
                raise SystemExit(f"broken: events {numbers} of the years {years}")
            return Outcome(None, 0.0, silence, f"{len(numbers)} events in order, of {years}, {late} marked late")


def starved(percent: int) -> Outcome:
    """so many hundredths of a processor for 25 seconds"""
    group = Path(f"/sys/fs/cgroup/cpu/emotion-faults-{os.getpid()}")
    if not group.parent.is_dir():
        group = Path(f"/sys/fs/cgroup/emotion-faults-{os.getpid()}")
    try:
        group.mkdir()
    except OSError as error:
        raise SystemExit(f"no control group can be made here: {error}") from error
    try:
        quota = group / "cpu.cfs_quota_us" if (group / "cpu.cfs_quota_us").exists() else group / "cpu.max"

        def give(hundredths: int) -> None:
            quota.write_text(f"{hundredths * 1000}" + (" 100000" if quota.name == "cpu.max" else ""), encoding="ascii")

        with stage() as all_:
            all_.hub.wait(well, "both senses at the start")
            (group / "cgroup.procs").write_text(str(all_.process.pid), encoding="ascii")
            give(100)
            _wait_events(all_.hub, 2)
            usual = _latency_ms(all_.hub, 10)
            begin = time.monotonic()
            give(percent)
            time.sleep(25)
            starving = _latency_ms(all_.hub, 10)
            report = all_.hub.reports[-1][1]
            back = time.monotonic()
            give(100)
            # It climbs by a tenth of the rate a second: whole is when most frames are looked at again.
            whole = all_.hub.wait(lambda r: well(r) and r["looked_hz"] > 0.6 * FPS, "most frames again")
            remark = (
                f"frames looked at {report['looked_hz']:.1f} a second ({report['held_back'] or 'all'}), "
                f"p95 {usual:.0f} -> {starving:.0f} ms"
            )
            give(100)
            Path(group.parent / "cgroup.procs").write_text(str(all_.process.pid), encoding="ascii")
            return Outcome(None, whole - back, all_.hub.silence_s("camera", begin, back), remark)
    finally:
        with contextlib.suppress(OSError):
            group.rmdir()


def disk(kind: str) -> Outcome:
    """the disk of the outbox is full, or read-only; then it is not"""
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        options = ["-o", "ro" if kind == "read-only" else "size=3m"]
        if subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", folder], check=False).returncode:
            raise SystemExit("mounting needs root")
        ends.callback(lambda: subprocess.run(["umount", "-l", folder], check=False))
        with stage(environment={"STATE_DIRECTORY": str(folder)}) as all_:
            hub = all_.hub
            if kind == "full":
                hub.wait(well, "both senses at the start")
                _wait_events(hub, 2)
                begin = time.monotonic()
                with contextlib.suppress(OSError), (folder / "filler").open("wb") as filler:
                    while True:
                        filler.write(b"\0" * 4096)
                        filler.flush()
                seen = hub.wait(lambda r: r["mqtt"]["outbox"]["problem"], "a problem with the disk") - begin
            else:
                begin = time.monotonic()
                hub.wait(lambda r: well(r) and r["mqtt"]["outbox"]["problem"], "a problem with the disk")
                seen = None
            _wait_events(hub, len(hub.events) + 3)
            problem = hub.reports[-1][1]["mqtt"]["outbox"]["problem"]
            back = time.monotonic()
            if kind == "full":
                (folder / "filler").unlink()
            else:
                subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
            whole = hub.wait(
                lambda r: r["mqtt"]["outbox"] == {"storage": "disk", "problem": ""}, "events on disk again"
            )
            numbers = sorted({event["sequence"] for _, event in hub.events})
            if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                raise SystemExit(f"broken: holes in {numbers}")
            silence = max(
                hub.silence_s(sense, begin if seen else back - 2, whole) for sense in ("camera", "microphone")
            )
            return Outcome(seen, whole - back, silence, f"{len(numbers)} events, none lost; {problem[-40:]}")


def memory() -> Outcome:
    """no more memory is given: both senses go on, or the service ends with an error and is started again"""
    with stage() as all_:
        all_.hub.wait(well, "both senses at the start")
        begin = time.monotonic()
        used = int(Path(f"/proc/{all_.process.pid}/statm").read_text(encoding="ascii").split()[0])
        limit = used * os.sysconf("SC_PAGE_SIZE") // 2
        resource.prlimit(all_.process.pid, resource.RLIMIT_AS, (limit, limit))
        try:
            code = all_.process.wait(60)
        except subprocess.TimeoutExpired:
            all_.hub.wait(well, "both senses within what they have, for the service does not end")
            return Outcome(None, 0.0, 0.0, "goes on within what it has")
        back = time.monotonic()
        if code == 0:
            raise SystemExit("broken: without memory it ended with exit code 0, after which systemd does not start it")
        time.sleep(_RESTART_S)
        text = (all_.folder / "config.toml").read_text(encoding="utf-8")
        with service(all_.folder, text, all_.microphone.environment):
            whole = all_.hub.wait(well, "both senses of the next process")
        return Outcome(back - begin, whole - back, 0.0, f"exit code {code}, started again")


FAULTS: dict[str, Callable[[], Outcome]] = {
    "camera absent at start": lambda: absent("camera"),
    "microphone absent at start": lambda: absent("microphone"),
    "RTSP server killed": lambda: killed("camera"),
    "RTSP server frozen": lambda: frozen("camera"),
    "PulseAudio killed": lambda: killed("microphone"),
    "PulseAudio frozen": lambda: frozen("microphone"),
    "clock a year ahead": lambda: clock(1),
    "clock a year back": lambda: clock(-1),
    "CPU: a tenth": lambda: starved(10),
    "CPU: a twentieth": lambda: starved(5),
    "no more memory": memory,
    "disk full": lambda: disk("full"),
    "disk read-only": lambda: disk("read-only"),
}


def _two(all_: Stage, kind: str) -> tuple[Child, str]:
    return (all_.camera, "microphone") if kind == "camera" else (all_.microphone, "camera")


def _reason(all_: Stage, kind: str) -> str:
    reasons = [report[kind]["reason"] for _, report in all_.hub.reports if report[kind]["reason"]]
    return reasons[0][:70] if reasons else ""


def _wait_events(hub: Hub, count: int) -> None:
    hub.wait(lambda _: len(hub.events) >= count, f"{count} events")


def _latency_ms(hub: Hub, reports: int) -> float:
    told = [report["latency_p95_ms"] for _, report in hub.reports[-reports:]]
    return max((value for value in told if value is not None), default=float("nan"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reliability.faults", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"parts of names: {', '.join(FAULTS)}")
    options = parser.parse_args()
    if lacking := missing():
        raise SystemExit(f"no live camera and microphone here: {lacking}")
    print(f"{platform.machine()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    print(f"bars: seen within {SEEN_S:g} s, the other silent for at most {GOES_ON_S:g} s, whole within {WHOLE_S:g} s")
    missed = []
    for name, fault in FAULTS.items():
        if options.only and not any(part in name for part in options.only):
            continue
        try:
            outcome = fault()
        except SystemExit as reason:
            missed.append(name)
            print(f"  {name:<28} FAILED: {reason}", flush=True)
            continue
        seen = f"{outcome.seen_s:.1f} s" if outcome.seen_s is not None else "-"
        verdict = "" if outcome.held else "  MISSED"
        missed += [] if outcome.held else [name]
        print(
            f"  {name:<28} seen {seen:>6}  other silent {outcome.silence_s:4.1f} s  whole {outcome.whole_s:4.1f} s  "
            f"{outcome.remark}{verdict}",
            flush=True,
        )
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
