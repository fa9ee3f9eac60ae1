"""How a library that is missing gets in here: into the environment of install.sh, or into one of one's own."""

from __future__ import annotations

import sys
from pathlib import Path

#: What works with system libraries that were built for NumPy 1 (picamera2 of Bookworm).
FOR_NUMPY_1 = ("'numpy<2'", "'opencv-python-headless<4.12'")
#: Where install.sh puts the program, and what it is made from.
_PROGRAM, _SOURCE = Path("/opt/emotion-edge"), Path("/usr/share/emotion-edge/source")


def pip_install(*packages: str) -> str:
    """The command, for a shell, that installs `packages` here."""
    pip = f"sudo {_PROGRAM}/bin/pip" if _installed() else "pip"
    return f"{pip} install {' '.join(packages)}"


def install_extra(extra: str) -> str:
    """The command, for a shell, that installs what this program needs for its `extra`."""
    return pip_install(f"'{_SOURCE if _installed() else 'emotion-edge'}[{extra}]'")


def _installed() -> bool:
    return Path(sys.prefix) == _PROGRAM
