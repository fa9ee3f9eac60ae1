"""The command `emotion-edge`: arguments, logging, signals, exit codes."""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import math
import os
import re
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge import __version__
from edge.config import DEFAULT_PATH, Config, MqttConfig
from edge.config_toml import load_config
from edge.errors import ConfigError, EdgeError, PublishError
from edge.service.stopping import stop_on_signals

if TYPE_CHECKING:
    from edge.service.service import Service

_LOG = logging.getLogger(__name__)

OK, FAILED, WRONG_USAGE = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code: 0, 1 failed, 2 wrong usage or configuration."""
    # Read by NumPy's linear algebra when it is first imported. Its threads make the small products of one MFCC window
    # three times as dear, for nothing.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except EdgeError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def _run(options: argparse.Namespace) -> int:
    config = _config(options.config)
    _log_to_stderr(config.log.level)
    # SIGABRT is how systemd's watchdog ends a service that hangs: the journal then tells where each thread stood.
    faulthandler.enable()
    _no_core_dumps()
    request = stop_on_signals()
    _LOG.info("emotion-edge %s starts as %r", __version__, config.device.name)
    from edge.service.service import Service  # takes a second: --help does not wait for it

    service = Service(config, request, reread=lambda: _config(options.config))
    signal.signal(signal.SIGHUP, lambda *_: service.reload())
    with _web(config, service):
        code = service.run(watch=_say if options.watch else None)
    _LOG.info("emotion-edge ends with exit code %d", code)
    _leave_if_stuck(service.stuck)
    return code


@contextmanager
def _web(config: Config, service: Service) -> Iterator[None]:
    """The API over HTTP beside the service, if it is switched on."""
    if not config.web.enabled:
        yield
        return
    from edge.web import WebServer

    server = WebServer(config, of_service=True)
    service.publisher.onlookers.append(server.look)
    server.start()
    try:
        yield
    finally:
        server.close()


def _serve(options: argparse.Namespace) -> int:
    config = _config(options.config)
    _log_to_stderr(config.log.level)
    _no_core_dumps()
    request = stop_on_signals()
    from edge.web import serve

    return serve(config, lambda: request.asked)


def _no_core_dumps() -> None:
    """A core dump would write the last picture and sound to the disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _demo(options: argparse.Namespace) -> int:
    config = _config(options.config)
    _log_to_stderr("WARNING")
    request = stop_on_signals()
    from edge.demo import run_demo

    code, stuck = run_demo(config, options.clip, options.live, options.seconds, request)
    _leave_if_stuck(stuck)
    return code


def _say(line: str) -> bool:
    """Print a line; False if whoever read them has ended, as `| head` does. Nothing may be written at our end then."""
    try:
        print(line, flush=True)
        return True
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False


def _leave_if_stuck(stuck: list[str]) -> None:
    """A thread inside a driver would bring the interpreter's own end down with an abort: leave without it."""
    if stuck:
        logging.shutdown()
        os._exit(FAILED)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"expected more than 0 and at most 86400, got {text}")
    return value


def _listen(options: argparse.Namespace) -> int:
    _log_to_stderr("ERROR")  # the listener tells what happens by itself
    from edge.listen import Screen, run_listen

    # A broker given by hand is not entered with the credentials of the service, unless its file is given too.
    mqtt = MqttConfig() if options.broker and not options.config else _config(options.config).mqtt
    given = {"url": options.broker, "username": options.username, "ca_file": options.ca_file}
    mqtt = replace(mqtt, **{key: value for key, value in given.items() if value})
    seconds = math.inf if options.seconds is None else options.seconds
    live = sys.stdout.isatty() and not options.json and not options.lines
    return run_listen(
        mqtt,
        device=options.device or "",
        verify=options.verify,
        as_json=options.json,
        seconds=seconds,
        write=_line,
        screen=Screen(_draw, shutil.get_terminal_size) if live else None,
    )


def _draw(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _line(text: str) -> None:
    if not _say(text):
        raise SystemExit(FAILED)


def _analyze(options: argparse.Namespace) -> int:
    config = _config(options.config)
    _log_to_stderr("ERROR")  # what is wrong with a file is told with it
    from edge.analyze.batch import Request, run_analyze

    request = Request(
        options.paths,
        options.out,
        processes=options.jobs,
        part=options.shard[0],
        parts=options.shard[1],
        video=not options.no_video,
        again=options.again,
        as_json=options.json,
    )
    return run_analyze(config, request, _line)


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"expected 1 to 1024, got {text}")
    return value


def _shard(text: str) -> tuple[int, int]:
    """`K/N` as (K, N)."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"expected K/N with K from 1 to N, as 2/8, got {text!r}")
    return int(match[1]), int(match[2])


def _asyncapi(_options: argparse.Namespace) -> int:
    from edge.publish.asyncapi import document

    print(json.dumps(document(), indent=2, ensure_ascii=False))
    return OK


def _info(options: argparse.Namespace) -> int:
    _log_to_stderr("ERROR")  # what falls back is told below
    from edge.service.about import about, as_text

    told = about(_config(options.config))
    print(json.dumps(told, indent=2, ensure_ascii=False) if options.json else as_text(told))
    return OK


def _doctor(options: argparse.Namespace) -> int:
    _log_to_stderr("CRITICAL")  # the findings tell it
    from edge.doctor import run_doctor

    return run_doctor(options.config, options.json, _line)


def _devices(options: argparse.Namespace) -> int:
    _log_to_stderr("CRITICAL")
    from edge.capture.devices import list_devices
    from edge.doctor import run_devices

    return run_devices(list_devices(), options.json, _line)


def _report(options: argparse.Namespace) -> int:
    _log_to_stderr("CRITICAL")
    from edge.doctor.archive import write_report

    out = options.out or Path(f"emotion-edge-report-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz")
    names = write_report(options.config, out)
    print(f"{out}: {', '.join(names)}")
    print("Passwords and users are taken out, and nothing seen or heard was ever in it; look at it before you send it.")
    return OK


def _config_schema(_options: argparse.Namespace) -> int:
    from edge.config_schema import config_schema

    print(json.dumps(config_schema(), indent=2, ensure_ascii=False))
    return OK


def _check_config(options: argparse.Namespace) -> int:
    from edge.config_files import unreadable_files
    from edge.publish.broker import find_broker

    mistakes: list[str] = []
    notes: list[str] = []
    try:
        config = load_config(options.file)
        for file in unreadable_files(config):
            if file.certain:
                mistakes.append(f"{options.file}: {file}: expected a file that the service can read")
            else:
                notes.append(f"{file} for this user; whether the service's own may read it cannot be told from here")
        if not mistakes and not notes:
            find_broker(config.mqtt)  # reads certificates and keys: are they any?
    except (ConfigError, PublishError) as error:
        mistakes += str(error).splitlines()
    if options.json:
        found = {"good": not mistakes, "mistakes": mistakes, "notes": notes}
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for line in mistakes:
            print(line, file=sys.stderr)
        for line in notes:
            print(f"note: {line}")
        if not mistakes:
            print(f"{options.file}: good")
    return WRONG_USAGE if mistakes else OK


def _config(path: Path | None) -> Config:
    """The configuration of `path`; without one that of the default path, or all defaults if that does not exist."""
    if path is None and not os.path.lexists(DEFAULT_PATH):
        return Config()
    return load_config(path or DEFAULT_PATH)


def _log_to_stderr(level: str) -> None:
    # journald adds the time by itself, and sets this variable.
    form = "%(levelname)s %(message)s" if "JOURNAL_STREAM" in os.environ else "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=level, format=form)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-edge",
        description="Apparent emotion from a camera and a microphone, on this device, published over MQTT.",
        epilog="Exit codes: 0 good, 1 failed, 2 wrong usage or configuration.",
    )
    parser.add_argument("--version", action="version", version=f"emotion-edge {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, work: object, text: str, example: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, epilog=f"Example: {example}")
        added.set_defaults(command=work)
        return added

    run = command("run", _run, "Run the service until SIGTERM.", "emotion-edge run --config config.toml --watch")
    run.add_argument("--watch", action="store_true", help="print a line about the present state once a second")
    demo = command(
        "demo",
        _demo,
        "Show the whole path with an MQTT broker of its own: a clip, or the camera and microphone with --live.",
        "emotion-edge demo --clip talk.mp4",
    )
    source = demo.add_mutually_exclusive_group()
    source.add_argument("--clip", type=Path, metavar="FILE", help="a video, with or without sound, to replay")
    source.add_argument("--live", action="store_true", help="use the camera and the microphone of the configuration")
    demo.add_argument("--seconds", type=_seconds, default=30.0, help="how long --live runs (default: %(default)s)")
    listen = command(
        "listen",
        _listen,
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
        _serve,
        "Answer over HTTP on this machine: pictures, sounds and videos in, what they show out. Without camera and "
        "microphone; [web] enabled = true adds the same to the running service.",
        "emotion-edge serve",
    )
    analyze = command(
        "analyze",
        _analyze,
        "Analyse videos, sounds and images, or folders of them, as fast as the machine allows: tables, timelines, "
        "annotated videos, one report. A second run does only what is left.",
        "emotion-edge analyze holidays/ talk.mp4 --out results",
    )
    analyze.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a file, or a folder with all below it")
    analyze.add_argument(
        "--out", type=Path, default=Path("emotion-results"), metavar="DIR", help="results (default: %(default)s)"
    )
    analyze.add_argument("--jobs", type=_count, default=0, metavar="N", help="processes (default: one a core)")
    analyze.add_argument(
        "--shard", type=_shard, default=(1, 1), metavar="K/N", help="only the K-th of N parts, each on its own machine"
    )
    analyze.add_argument("--no-video", action="store_true", help="no annotated videos: quicker, and no picture is kept")
    analyze.add_argument("--again", action="store_true", help="also what a former run has done")
    analyze.add_argument("--json", action="store_true", help="print the outcome as JSON")
    info = command(
        "info",
        _info,
        "Tell version, models and where each runs, measured now as the service measures it at its first start.",
        "emotion-edge info --json",
    )
    info.add_argument("--json", action="store_true", help="for another program")
    command(
        "asyncapi",
        _asyncapi,
        "Print topics and payloads as an AsyncAPI 3.0 document.",
        "emotion-edge asyncapi > asyncapi.json",
    )
    doctor = command(
        "doctor",
        _doctor,
        "Examine the whole installation and name the fix for each failure; exit 1 if anything failed.",
        "sudo emotion-edge doctor",
    )
    devices = command(
        "devices",
        _devices,
        "List cameras and microphones under names that stay the same, and whether each opens.",
        "emotion-edge devices",
    )
    for added in (doctor, devices):
        added.add_argument("--json", action="store_true", help="as JSON, for another program")
    report = command(
        "report",
        _report,
        "Write one archive for a report of a fault: findings, configuration, journal, recent numbers; no secret.",
        "sudo emotion-edge report --out report.tar.gz",
    )
    report.add_argument("--out", type=Path, metavar="FILE", help="where (default: here, with the time in its name)")
    command(
        "config-schema",
        _config_schema,
        "Print the JSON Schema of the configuration, for editors.",
        "emotion-edge config-schema > config.schema.json",
    )
    check = command(
        "check-config",
        _check_config,
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
