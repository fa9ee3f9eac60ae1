"""The findings on a terminal, or as JSON for another program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from edge.capture.devices import Device
from edge.doctor.checks import examine

_MARKS = {"good": "ok  ", "note": "note", "failed": "FAIL"}
Write = Callable[[str], object]


def run_doctor(config: Path | None, as_json: bool, write: Write) -> int:
    """Examine everything; 1 if anything failed."""
    findings = []
    for finding in examine(config):
        findings.append(finding)
        if not as_json:
            write(f"{_MARKS[finding.state]}  {finding.subject}: {finding.found}")
            if finding.fix:
                write(f"      -> {finding.fix}")
    failed = sum(finding.state == "failed" for finding in findings)
    if as_json:
        write(json.dumps({"good": not failed, "findings": [asdict(each) for each in findings]}, indent=2))
    else:
        write(f"{failed} failed" if failed else "nothing failed")
    return 1 if failed else 0


def run_devices(devices: Iterable[Device], as_json: bool, write: Write) -> int:
    """Show the devices; 1 if there is none, or one does not open."""
    shown = []
    for device in devices:
        shown.append(device)
        if not as_json:
            write(f'{device.kind:<11} source = "{device.source}"')
            write(f"            {device.name}: {device.gives or device.problem}")
    if as_json:
        write(json.dumps([{**asdict(device), "opens": device.opens} for device in shown], indent=2))
    elif not shown:
        write("no camera and no microphone found: check the plugs; a camera on the network needs no driver (rtsp://)")
    return 0 if shown and all(device.opens for device in shown) else 1
