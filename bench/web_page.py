"""What the local page costs the service, and how soon it is there: `python -m bench.web_page [--rounds 8]`.

The service replays the demo's clip (640x480, 15 frames a second, with sound). In each round CPU seconds of its process
are counted for a while with nobody there, then with the page's stream alone, then with a live view beside it: what
else the machine does meets all three alike.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from edge.demo.clip import write_clip

_PARTS = ("nobody", "the page's stream", "and a live view")
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, with all its threads (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def service(folder: Path, detector: str) -> Iterator[tuple[int, str]]:
    """A running service: its process id and its address."""
    clip = folder / "clip.mkv"
    if not clip.exists():
        write_clip(clip)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "config.toml"
    config.write_text(
        f'[camera]\nsource = "file:{clip}"\n[microphone]\nsource = "file:{clip}"\n[replay]\nrepeat = true\n'
        f'[face]\ndetector = "{detector}"\n[health]\ninterval_s = 0.5\n'
        f"[web]\nenabled = true\nlive_view = true\nport = {port}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--config", str(config)], stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(1200):
            try:
                if httpx.get(f"{url}/v1/health").json()["service"]:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        yield process.pid, url
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def reading(url: str, received: list[int]) -> Iterator[None]:
    """Read `url` until the end of the block; what came is counted."""
    over = threading.Event()

    def read() -> None:
        with httpx.stream("GET", url, timeout=30) as stream:
            for part in stream.iter_raw():
                received.append(part.count(b"--picture"))
                if over.is_set():
                    return

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def looked_at(url: str) -> int:
    """Frames that were looked at so far."""
    health = httpx.get(f"{url}/v1/health", timeout=30).json()["service"]
    return int(health["camera"]["read"] - health["camera"]["dropped"] - health["skipped"])


def shares(pid: int, url: str, rounds: int, seconds: float) -> tuple[list[list[tuple[float, float]]], float]:
    """CPU seconds and frames, both a second, with nobody, with the stream, with a live view too; pictures a second."""

    def share() -> tuple[float, float]:
        frames, before, since = looked_at(url), cpu_s(pid), time.monotonic()
        time.sleep(seconds)
        past_s = time.monotonic() - since
        return (cpu_s(pid) - before) / past_s, (looked_at(url) - frames) / past_s

    found: list[list[tuple[float, float]]] = []
    pictures: list[int] = []
    for _ in range(rounds):
        alone = share()
        with reading(f"{url}/v1/now", []):
            stream = share()
            with reading(f"{url}/v1/view", pictures):
                found.append([alone, stream, share()])
    return found, sum(pictures) / rounds / seconds


def first_view_s(url: str, runs: int) -> list[float] | None:
    """Seconds from asking for the page until the present estimate stands in it, each with an empty cache."""
    program = shutil.which("chromium")
    if program is None:
        return None
    from playwright.sync_api import sync_playwright

    taken = []
    with sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(runs):
            page = browser.new_context().new_page()
            since = time.monotonic()
            page.goto(url)
            page.locator("#bars li").nth(6).wait_for()  # the last of the seven bars
            taken.append(time.monotonic() - since)
            page.close()
        browser.close()
    return taken


def main(say: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each part of a round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for detector in ("haar", "face-detector"):
            with service(folder, detector) as (pid, url):
                found, hz = shares(pid, url, options.rounds, options.seconds)
                say(f"detector {detector}, medians of {options.rounds} rounds of {options.seconds:g} s each")
                medians = [
                    tuple(statistics.median(part) for part in zip(*column, strict=True))
                    for column in zip(*found, strict=True)
                ]
                alone = medians[0][0]
                for what, (cores, frames_hz) in zip(_PARTS, medians, strict=True):
                    say(f"  {what:<22} {cores:.3f} cores ({cores / alone:.3f}), {frames_hz:.1f} frames a second")
                say(f"  pictures a second: {hz:.1f}; load {os.getloadavg()[0]:.1f}")
                if detector == "haar" and (taken := first_view_s(url, 5)):
                    say(f"first view: {statistics.median(taken):.2f} s (median of 5, worst {max(taken):.2f} s)")


if __name__ == "__main__":
    main()
