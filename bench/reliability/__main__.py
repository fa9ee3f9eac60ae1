"""`python -m bench.reliability [writes|kills|broker|drain|load ...]`: all of them take about ten minutes.

`soak` takes an hour (`--size`: minutes), and only when it is named.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path

from bench.reliability import scenarios
from bench.reliability.soak import soak

SCENARIOS = {
    "writes": scenarios.writes,
    "kills": scenarios.kills,
    "broker": scenarios.broker_restarts,
    "drain": scenarios.drain,
    "load": scenarios.load,
}
#: Only when they are named.
LONG = {"soak": soak}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reliability", description=__doc__)
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, *LONG, []], help="default: all but soak")
    parser.add_argument(
        "--size", type=int, help="kills, restarts, events, seconds or minutes instead of the full number"
    )
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}")
    for name in options.scenarios or SCENARIOS:
        scenario = {**SCENARIOS, **LONG}[name]
        print(f"{name}: {scenario.__doc__}")
        with tempfile.TemporaryDirectory() as folder:
            for what, figure in scenario(Path(folder), *([options.size] if options.size else [])):
                print(f"  {what:<62} {figure}", flush=True)


if __name__ == "__main__":
    main()
