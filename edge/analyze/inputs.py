"""What is to be analysed: files found, in an order that every machine of a cluster agrees on, each with its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.capture.image_folder import SUFFIXES as IMAGES
from edge.errors import ConfigError

VIDEOS = {
    ".3gp",
    ".avi",
    ".flv",
    ".gif",
    ".m2ts",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpeg",
    ".mpg",
    ".mts",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
}
SOUNDS = {".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma"}


@dataclass(frozen=True, slots=True)
class Input:
    """A file, and `folder`, relative to the results, where what is found in it goes: the same on every machine."""

    path: Path
    folder: Path

    @property
    def is_image(self) -> bool:
        return self.path.suffix.lower() in IMAGES


def find_inputs(paths: Sequence[Path], out: Path) -> list[Input]:
    """The files of `paths`, sorted; of folders, and the folders in them, those that look like media by their name.

    Nothing inside `out` is an input: a second run must not analyse the results of the first.

    Raises:
        ConfigError: a path does not exist, or there is nothing to analyse.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise ConfigError(f"expected files or folders to analyse, these do not exist: {', '.join(missing)}")
    results = out.resolve()
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            for file in path.rglob("*"):
                media = file.suffix.lower() in IMAGES | VIDEOS | SOUNDS and not file.name.startswith(".")
                if media and file.is_file() and not file.resolve().is_relative_to(results):
                    found.setdefault(file, file.relative_to(path))
        elif path.is_file():
            found.setdefault(path, Path(path.name))
        else:  # a pipe or a device has no end, and cannot be read twice
            raise ConfigError(f"{path}: expected a file or a folder")
    if not found:
        known = " ".join(sorted(IMAGES | VIDEOS | SOUNDS))
        raise ConfigError(f"{', '.join(map(str, paths))}: expected videos, sounds or images, found none ({known})")
    inputs: list[Input] = []
    taken: set[str] = set()
    for path in sorted(found, key=str):
        folder, number = found[path], 2
        # By their lower-case names: the results may lie on a disk that does not tell a.MP4 from a.mp4.
        while str(folder).lower() in taken:
            folder, number = found[path].with_name(f"{found[path].name} ({number})"), number + 1
        taken.add(str(folder).lower())
        inputs.append(Input(path, folder))
    return inputs


def shard(inputs: Sequence[Input], part: int, parts: int) -> list[Input]:
    """Every `parts`-th input, from the `part`-th (from 1) on: long files, which often lie together, are spread."""
    return list(inputs[part - 1 :: parts])
