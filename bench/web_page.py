"""What the local page costs the running service, and how soon it is there: `python -m bench.web_page`.

The service runs as a process of its own (bench/running.py): a camera of 640x480 at 15 frames a second with one face,
and speech without a break. The CPU time of all of it is taken in turns: with nobody there, with the page's stream read,
with the live view watched. Other work on the machine falls on all three alike.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

import edge.web
from bench.running import FPS, BrokerMissing, first_event, running
from bench.steps import DETECTORS
from edge.config import Config

#: Seconds of each turn, and turns of each.
SECONDS, TURNS = 5.0, 6
VIEWS = 5
_SETTLE_S = 1.0

_WEB = """
[face]
detector = "{detector}"
[web]
enabled = true
live_view = true
port = {port}
requests_per_minute = 100000
"""


def rows(
    turns: int = TURNS, seconds: float = SECONDS, detectors: Sequence[str] = (Config().face.detector, *DETECTORS)
) -> Iterator[tuple[str, str]]:
    """What was measured and its figure, each as soon as it is known."""
    script = sum(path.stat().st_size for path in Path(edge.web.__file__).with_name("page").rglob("*.js"))
    yield "the page's script (at most 150 kB)", f"{script / 1000:.0f} kB"
    for number, detector in enumerate(dict.fromkeys(detectors)):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        try:
            with running(_WEB.format(detector=detector, port=port)) as started:
                first_event(started, most_s=120)
                yield from _costs(detector, psutil.Process(started.service.pid), url, turns, seconds)
                # On a busy machine the service looks at fewer frames, and the figures above say nothing.
                health = [payload for _, topic, payload in started.arrived if topic.endswith("/health")][-1]
                yield f"{detector}: frames looked at (all, or it is no measurement)", _looked(health["looked_hz"])
                if number == 0:
                    yield from _first_view(url)
        except BrokerMissing as error:
            yield "the local page", f"not measured: {error}"
            return


def _costs(detector: str, service: psutil.Process, url: str, turns: int, seconds: float) -> Iterator[tuple[str, str]]:
    alone, page, live = [], [], []
    pictures = 0
    for _ in range(turns):
        alone.append(_share(service, seconds))
        with _reader(f"{url}/v1/now"):
            page.append(_share(service, seconds))
        with _reader(f"{url}/v1/view") as read:
            live.append(_share(service, seconds))
            pictures += read().count(b"--picture")
    base = statistics.median(alone)
    yield f"{detector}: the service with nobody looking on", f"{100 * base:.1f} % of one core"
    for what, taken in (("the page's stream", page), ("live view (at most 10 % more)", live)):
        # Each turn against the one before it: what changes slowly is in both.
        more = statistics.median(one / other - 1 for one, other in zip(taken, alone, strict=True))
        yield f"{detector}: {what}", f"{100 * more:+.1f} % of CPU ({turns} turns)"
    yield f"{detector}: pictures of the live view", f"{pictures / turns / (seconds + _SETTLE_S):.1f} a second"


def _share(service: psutil.Process, seconds: float) -> float:
    """Of one core, after what has just changed has settled."""
    time.sleep(_SETTLE_S)
    before, since = sum(service.cpu_times()[:2]), time.perf_counter()
    time.sleep(seconds)
    return (sum(service.cpu_times()[:2]) - before) / (time.perf_counter() - since)


def _looked(hz: float) -> str:
    return f"{hz:.1f} of {FPS} a second"


@contextmanager
def _reader(url: str) -> Iterator[Callable[[], bytes]]:
    """curl reads `url` meanwhile, as a browser does; the value gives what was read so far."""
    with tempfile.TemporaryFile() as file, subprocess.Popen(["curl", "-sN", url], stdout=file) as curl:
        yield lambda: os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)
        curl.terminate()


def _first_view(url: str) -> Iterator[tuple[str, str]]:
    """From asking for the page until the present estimate stands in it, each with an empty cache."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        yield "first view of the page, empty cache (under 1 s)", "not measured: needs chromium"
        return
    from playwright.sync_api import sync_playwright

    taken = []
    with sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(VIEWS + 1):
            context = browser.new_context()
            page = context.new_page()
            since = time.perf_counter()
            page.goto(url)
            page.locator("#bars li").nth(6).wait_for()  # the last of the seven bars
            taken.append(time.perf_counter() - since)
            context.close()
        browser.close()
    del taken[0]  # the browser itself was just started
    median, best = statistics.median(taken), min(taken)
    yield "first view of the page, empty cache (under 1 s)", f"{median:.2f} s (median of {VIEWS}, best {best:.2f} s)"


def main() -> None:
    for what, figure in rows():
        print(f"{what:<72} {figure}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
