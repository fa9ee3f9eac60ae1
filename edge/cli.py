"""The command `emotion-edge`: wiring, logging, signals, exit codes."""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import math
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge import __version__
from edge.arguments import build_parser
from edge.config import DEFAULT_PATH, Config, MqttConfig
from edge.config_files import read_config, unreadable_files, with_password_beside
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
    options = build_parser().parse_args(arguments)
    try:
        return _COMMANDS[options.command](options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except EdgeError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def _run(options: argparse.Namespace) -> int:
    config = read_config(options.config)
    _log_to_stderr(config.log.level)
    # SIGABRT is how systemd's watchdog ends a service that hangs: the journal then tells where each thread stood.
    faulthandler.enable()
    _no_core_dumps()
    request = stop_on_signals()
    _LOG.info("emotion-edge %s starts as %r", __version__, config.device.name)
    from edge.service.service import Service  # takes a second: --help does not wait for it

    service = Service(config, request, reread=lambda: read_config(options.config))
    signal.signal(signal.SIGHUP, lambda *_: service.reload())
    with _web(config, service, options.config):
        code = service.run(watch=_say if options.watch else None)
    _LOG.info("emotion-edge ends with exit code %d", code)
    _leave_if_stuck(service.stuck)
    return code


@contextmanager
def _web(config: Config, service: Service, path: Path | None) -> Iterator[None]:
    """The page and the API over HTTP beside the service, if it is switched on."""
    if not config.web.enabled:
        yield
        return
    from edge.web import WebServer

    server = WebServer(config, service, path or (DEFAULT_PATH if os.path.lexists(DEFAULT_PATH) else None))
    server.start()
    try:
        yield
    finally:
        server.close()


def _serve(options: argparse.Namespace) -> int:
    config = read_config(options.config)
    _log_to_stderr(config.log.level)
    _no_core_dumps()
    request = stop_on_signals()
    from edge.web import serve

    return serve(config, lambda: request.asked)


def _no_core_dumps() -> None:
    """A core dump would write the last picture and sound to the disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _demo(options: argparse.Namespace) -> int:
    config = read_config(options.config)
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


def _listen(options: argparse.Namespace) -> int:
    _log_to_stderr("ERROR")  # the listener tells what happens by itself
    from edge.listen import Screen, run_listen

    # A broker given by hand is not entered with the credentials of the service, unless its file is given too.
    mqtt = MqttConfig() if options.broker and not options.config else read_config(options.config).mqtt
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
    config = read_config(options.config)
    _log_to_stderr("ERROR")  # what is wrong with a file is told with it
    from edge.analyze.batch import Request, run_analyze

    request = Request(
        options.paths,
        options.out,
        processes=options.jobs,
        fps=options.fps,
        part=options.shard[0],
        parts=options.shard[1],
        video=not options.no_video,
        again=options.again,
        as_json=options.json,
    )
    return run_analyze(config, request, _line)


def _asyncapi(_options: argparse.Namespace) -> int:
    from edge.publish.asyncapi import document

    print(json.dumps(document(), indent=2, ensure_ascii=False))
    return OK


def _info(options: argparse.Namespace) -> int:
    _log_to_stderr("ERROR")  # what falls back is told below
    from edge.service.about import about, as_text

    told = about(read_config(options.config))
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
    from edge.publish.broker import find_broker

    mistakes: list[str] = []
    notes: list[str] = []
    try:
        config = with_password_beside(load_config(options.file), options.file)
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


def _log_to_stderr(level: str) -> None:
    # journald adds the time by itself, and sets this variable.
    form = "%(levelname)s %(message)s" if "JOURNAL_STREAM" in os.environ else "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=level, format=form)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "demo": _demo,
    "listen": _listen,
    "serve": _serve,
    "analyze": _analyze,
    "info": _info,
    "asyncapi": _asyncapi,
    "doctor": _doctor,
    "devices": _devices,
    "report": _report,
    "config-schema": _config_schema,
    "check-config": _check_config,
}
