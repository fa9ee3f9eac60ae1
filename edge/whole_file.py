"""Writing a small text file whole or not at all, also when the power fails."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Replace `path` by a new file with `text`, in UTF-8, with the mode and the owner that it had.

    Raises:
        OSError: it cannot be written; what was there still is.
    """
    new = path.with_name(f"{path.name}.new")
    before = path.stat() if path.exists() else None
    try:
        with new.open("w", encoding="utf-8") as file:
            if before:
                os.fchmod(file.fileno(), before.st_mode & 0o7777)
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
