"""`make bench`: every row is measured now, on this machine."""

from __future__ import annotations

import os
import platform

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the service does, before NumPy is imported

from bench import running, steps


def main() -> None:
    print(f"{platform.machine()}, Python {platform.python_version()}")
    for part in (steps, running):
        for what, figure in part.rows():
            print(f"{what:<58} {figure}", flush=True)


if __name__ == "__main__":
    main()
