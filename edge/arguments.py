"""The arguments of the command `emotion-edge`, and what each is for."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from edge import __version__
from edge.config import DEFAULT_PATH


def build_parser() -> argparse.ArgumentParser:
    """The parser; what it parses has the name of the command as `command`."""
    parser = argparse.ArgumentParser(
        prog="emotion-edge",
        description="Apparent emotion from a camera and a microphone, on this device, published over MQTT.",
        epilog="Exit codes: 0 good, 1 failed, 2 wrong usage or configuration.",
    )
    parser.add_argument("--version", action="version", version=f"emotion-edge {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, text: str, example: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, epilog=f"Example: {example}")
        added.set_defaults(command=name)
        return added

    run = command("run", "Run the service until SIGTERM.", "emotion-edge run --config config.toml --watch")
    run.add_argument("--watch", action="store_true", help="print a line about the present state once a second")
    demo = command(
        "demo",
        "Show the whole path with an MQTT broker of its own: a clip, or the camera and microphone with --live.",
        "emotion-edge demo --clip talk.mp4",
    )
    source = demo.add_mutually_exclusive_group()
    source.add_argument("--clip", type=Path, metavar="FILE", help="a video, with or without sound, to replay")
    source.add_argument("--live", action="store_true", help="use the camera and the microphone of the configuration")
    demo.add_argument("--seconds", type=_seconds, default=30.0, help="how long --live runs (default: %(default)s)")
    listen = command(
        "listen",
        "Show what devices publish, live, until Ctrl-C. The password comes from where the service takes it.",
        "emotion-edge listen --broker mqtt://hub.local --verify --seconds 60",
    )
    listen.add_argument("--broker", metavar="URL", help="mqtt://host[:port] or mqtts://... (default: [mqtt] url)")
    listen.add_argument("--username", metavar="NAME", help="who asks (default: [mqtt] username)")
    listen.add_argument("--ca-file", metavar="FILE", help="authority that signed the broker's certificate, for mqtts")
    listen.add_argument("--device", metavar="ID", help="only this device")
    listen.add_argument("--seconds", type=_seconds, metavar="N", help="end by itself after so long")
    listen.add_argument("--json", action="store_true", help="one JSON object a line, for another program")
    listen.add_argument("--lines", action="store_true", help="a line a message, also on a terminal: no table")
    listen.add_argument(
        "--verify",
        action="store_true",
        help="exit with 1 if an event is missing or a payload is not as the JSON Schemas say",
    )
    served = command(
        "serve",
        "Answer over HTTP on this machine: pictures, sounds and videos in, what they show out. Without camera and "
        "microphone; [web] enabled = true adds the same to the running service.",
        "emotion-edge serve",
    )
    analyze = command(
        "analyze",
        "Analyse videos, sounds and images, or folders of them, as fast as the machine allows: tables, timelines, "
        "annotated videos, one report. A second run does only what is left.",
        "emotion-edge analyze holidays/ talk.mp4 --out results",
    )
    analyze.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a file, or a folder with all below it")
    analyze.add_argument(
        "--out", type=Path, default=Path("emotion-results"), metavar="DIR", help="results (default: %(default)s)"
    )
    analyze.add_argument(
        "--jobs",
        type=_count,
        default=0,
        metavar="N",
        help="cores to use, a process each; a long video takes two where they are free (default: all)",
    )
    analyze.add_argument(
        "--shard", type=_shard, default=(1, 1), metavar="K/N", help="only the K-th of N parts, each on its own machine"
    )
    analyze.add_argument(
        "--fps",
        type=_rate,
        default=0,
        metavar="N",
        help="look at so many pictures a second, 120 for every one (default: [camera] fps of the configuration, 15)",
    )
    analyze.add_argument("--no-video", action="store_true", help="no annotated videos: quicker, and no picture is kept")
    analyze.add_argument("--again", action="store_true", help="also what a former run has done")
    analyze.add_argument("--json", action="store_true", help="print the outcome as JSON")
    info = command(
        "info",
        "Tell version, models and where each runs, measured now as the service measures it at its first start.",
        "emotion-edge info --json",
    )
    info.add_argument("--json", action="store_true", help="for another program")
    command(
        "asyncapi",
        "Print topics and payloads as an AsyncAPI 3.0 document.",
        "emotion-edge asyncapi > asyncapi.json",
    )
    doctor = command(
        "doctor",
        "Examine the whole installation and name the fix for each failure; exit 1 if anything failed.",
        "sudo emotion-edge doctor",
    )
    devices = command(
        "devices",
        "List cameras and microphones under names that stay the same, and whether each opens.",
        "emotion-edge devices",
    )
    for added in (doctor, devices):
        added.add_argument("--json", action="store_true", help="as JSON, for another program")
    report = command(
        "report",
        "Write one archive for a report of a fault: findings, configuration, journal, recent numbers; no secret.",
        "sudo emotion-edge report --out report.tar.gz",
    )
    report.add_argument("--out", type=Path, metavar="FILE", help="where (default: here, with the time in its name)")
    command(
        "config-schema",
        "Print the JSON Schema of the configuration, for editors.",
        "emotion-edge config-schema > config.schema.json",
    )
    check = command(
        "check-config",
        "Report all mistakes of a configuration file.",
        "emotion-edge check-config my.toml",
    )
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument("--json", action="store_true", help="as JSON, for another program")
    for added in (run, demo, listen, served, analyze, info, doctor, report):
        added.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help=f"configuration (default: {DEFAULT_PATH}, or defaults without it)",
        )
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"expected more than 0 and at most 86400, got {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"expected 1 to 1024, got {text}")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0.2 <= value <= 120:
        raise argparse.ArgumentTypeError(f"expected 0.2 to 120 pictures a second, got {text}")
    return value


def _shard(text: str) -> tuple[int, int]:
    """`K/N` as (K, N)."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"expected K/N with K from 1 to N, as 2/8, got {text!r}")
    return int(match[1]), int(match[2])
