"""Containers that systemd boots, above a folder that is not changed by it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def run(*words: object, timeout_s: float = 110) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], check=False, capture_output=True, text=True, errors="replace", timeout=timeout_s
    )


@contextlib.contextmanager
def layered(lower: Path, folder: Path, *, on_disk: bool = False) -> Iterator[Path]:
    """A root like `lower` whose changes go to memory, or to `folder`, and vanish."""
    layers, root = folder / "layers", folder / "root"
    for each in (layers, root):
        each.mkdir()
    if not on_disk and run("mount", "-t", "tmpfs", "tmpfs", layers).returncode:
        pytest.skip("this machine does not let us mount a tmpfs")
    try:
        (layers / "upper").mkdir()
        (layers / "work").mkdir()
        options = f"lowerdir={lower},upperdir={layers}/upper,workdir={layers}/work"
        if run("mount", "-t", "overlay", "overlay", "-o", options, root).returncode:
            pytest.skip("this machine does not let us mount an overlay")
        try:
            yield root
        finally:
            run("umount", root)
    finally:
        if not on_disk:
            run("umount", layers)


def boot(root: Path, *options: object, timeout_s: float = 110) -> subprocess.CompletedProcess[str]:
    """Boot until the container powers itself off."""
    return run(
        *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"),
        *("--directory", root, *options),
        "systemd.unit=emotion-test.target",
        timeout_s=timeout_s,
    )


def add_test_unit(root: Path, start: str, environment: str = "") -> None:
    """The only thing that the container does between its boot and its end: `start`."""
    units = root / "etc/systemd/system"
    (units / "emotion-test.target").write_text(
        "[Unit]\nRequires=basic.target\nWants=emotion-test.service\nAllowIsolate=yes\n"
    )
    (units / "emotion-test.service").write_text(
        "[Unit]\nAfter=basic.target systemd-journald.service\nSuccessAction=poweroff\nFailureAction=poweroff\n"
        "[Service]\nType=exec\n"
        f"Environment={environment}\nExecStart={start}\n"
    )
