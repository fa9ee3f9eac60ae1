"""Which /dev/video node a configured camera name means.

One camera owns several nodes (pictures, metadata, encoders) and their numbers change from boot to boot, so a name is
the better choice: the product name that the driver gives, or the link in /dev/v4l/by-id, which holds the serial
number too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edge.errors import CaptureError

SYSFS = Path("/sys/class/video4linux")
DEV = Path("/dev")


@dataclass(frozen=True, slots=True)
class VideoNode:
    """One node: `path` in /dev, the driver's `name`, the `links` in /dev/v4l/by-id, and its `index` in the device."""

    path: Path
    name: str
    links: tuple[str, ...]
    index: int


def video_nodes(sysfs: Path = SYSFS, dev: Path = DEV) -> list[VideoNode]:
    """All nodes, in the order of their numbers."""
    links: dict[str, list[str]] = {}
    by_id = dev / "v4l/by-id"
    for link in sorted(by_id.iterdir()) if by_id.is_dir() else ():
        links.setdefault(Path(os.path.realpath(link)).name, []).append(link.name)
    nodes = []
    for entry in sysfs.glob("video*") if sysfs.is_dir() else ():
        index = _text(entry / "index")
        nodes.append(
            VideoNode(
                path=dev / entry.name,
                name=_text(entry / "name") or entry.name,
                links=tuple(links.get(entry.name, ())),
                index=int(index) if index.isdigit() else 0,
            )
        )
    return sorted(nodes, key=lambda node: (len(node.path.name), node.path.name))


def find_camera(wanted: str, sysfs: Path = SYSFS, dev: Path = DEV) -> Path:
    """The node of the camera `wanted`: a number, a path, a name or a part of one (upper and lower case are equal).

    Of one camera's nodes, the first (index 0) is the one that gives pictures.

    Raises:
        CaptureError: no camera, or more than one, is meant; the message lists those that exist.
    """
    nodes = video_nodes(sysfs, dev)
    if wanted.isdigit() or wanted.startswith("/"):
        path = Path(wanted) if wanted.startswith("/") else dev / f"video{wanted}"
        if not path.exists():
            raise CaptureError(f"v4l2:{wanted}: expected a camera at {path}, found none. {_known(nodes)}")
        return Path(os.path.realpath(path))
    word = wanted.casefold()
    named = [node for node in nodes if node.index == 0]
    found = [node for node in named if word in (text.casefold() for text in (node.name, *node.links))]
    found = found or [node for node in named if any(word in text.casefold() for text in (node.name, *node.links))]
    if not found:
        raise CaptureError(f"v4l2:{wanted}: expected a camera whose name has {wanted!r}, found none. {_known(nodes)}")
    if len(found) > 1:
        raise CaptureError(
            f"v4l2:{wanted}: expected one camera whose name has {wanted!r}, found {len(found)}. "
            f"{_known(found)} Two of the same make differ in the long name."
        )
    return found[0].path


def _known(nodes: list[VideoNode]) -> str:
    cameras = [node for node in nodes if node.index == 0]
    if not cameras:
        return "No camera is connected: check the cable and, on a Raspberry Pi, try source = 'picamera2'."
    listed = "; ".join(f"{node.path.name}: {', '.join((node.name, *node.links))}" for node in cameras)
    return f"Set [camera] source to 'v4l2:' and one of these names: {listed}."


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # the node went away meanwhile, or an old kernel has no such file
        return ""
