"""`make bench`: every row is measured now, on this machine."""

from __future__ import annotations

import os
import platform

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the service does, before NumPy is imported

from bench import running, steps, web_page


def main() -> None:
    print(f"{platform.machine()}, Python {platform.python_version()}; {_load()}")
    for part in (steps, running, web_page):
        for what, figure in part.rows():
            print(f"{what:<72} {figure}", flush=True)
    print(f"at the end: {_load()}")


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
